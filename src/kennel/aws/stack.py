"""The stack as a whole: plan, apply, outputs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.aws import Progress, StackError, function_package, session, silent, state_bucket
from kennel.aws.changes import Changes
from kennel.aws.session import Workspace
from kennel.aws.terraform import Terraform


@dataclass(frozen=True)
class Stack:
    """Terraform's outputs: the only source of names, ARNs, buckets and images."""

    outputs: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        try:
            return self.outputs[name]
        except KeyError as error:
            raise StackError(f"the stack has no output {name!r}: run ./kennel stack.apply") from error


def variable_files(workspace: Workspace) -> list[str]:
    """Return the variable files of this environment, in order of application."""
    return [str(workspace.terraform_directory / "environments" / f"{workspace.environment}.tfvars")]


def build(workspace: Workspace) -> dict[str, str]:
    """Build the local files that Terraform reads: the function's zip."""
    return {"function_package": str(function_package.build(workspace.root / "lambda" / "predict"))}


def prepare(workspace: Workspace, progress: Progress | None = None) -> Terraform:
    """Return a Terraform that is ready to plan: state bucket, packages, providers.

    Idempotent. The state bucket is created here because it cannot be part of the state.
    """
    report = progress or silent
    backend = state_bucket.backend(workspace)
    state_bucket.ensure(backend["bucket"], backend["region"], report)
    build(workspace)
    terraform = terraform_of(workspace, progress)
    report("terraform init")
    terraform.init(backend, session.provider_mirror())
    return terraform


def terraform_of(workspace: Workspace, progress: Progress | None = None) -> Terraform:
    """Return the Terraform of a workspace without preparing anything."""
    return Terraform(
        workspace.terraform_directory,
        workspace.build / "terraform",
        [Path(name) for name in variable_files(workspace)],
        # The same region for the state, the stack and the SDKs, wherever it is configured.
        variables={"region": session.region()},
        binary=session.terraform_binary(),
        progress=progress,
    )


def plan(workspace: Workspace, progress: Progress | None = None) -> Changes:
    """Return the changes that an apply would make."""
    return prepare(workspace, progress).plan()


def drift(workspace: Workspace, progress: Progress | None = None, *, everything: bool = False) -> Changes:
    """Return the changes that were made outside Terraform: those that an apply would undo, or all."""
    return prepare(workspace, progress).drift(everything=everything)


def unlock(workspace: Workspace, lock: str, progress: Progress | None = None) -> None:
    """Free the lock on the state that an operation left which was killed; the lock's id is in its error."""
    prepare(workspace, progress).unlock(lock)


def apply(workspace: Workspace, progress: Progress | None = None) -> Changes:
    """Create or change the stack; the deployed release is kept."""
    return prepare(workspace, progress).apply()


def destroy(workspace: Workspace, progress: Progress | None = None) -> Changes:
    """Remove the stack, including the deployed release; the state bucket is kept."""
    return prepare(workspace, progress).destroy()


@dataclass(frozen=True)
class Plan:
    """A plan that can be applied as it is: nothing else happens than what it shows."""

    changes: Changes
    terraform: Terraform
    file: Path

    def apply(self, progress: Progress | None = None) -> Changes:
        """Apply it; refused by Terraform if the stack has changed in the meantime."""
        self.terraform.progress = progress or silent
        return self.terraform.apply(self.file)


@contextmanager
def planned(
    workspace: Workspace, progress: Progress | None = None, *, destroy: bool = False
) -> Iterator[Plan]:
    """Yield a plan to create or change the stack, or to remove it; its file is deleted afterwards."""
    terraform = prepare(workspace, progress)
    file = workspace.build / "terraform" / "saved.tfplan"
    try:
        changes = terraform.plan(destroy=destroy, out=file)
        yield Plan(changes, terraform, file)
    finally:
        file.unlink(missing_ok=True)


def outputs(workspace: Workspace, progress: Progress | None = None) -> Stack:
    """Return the stack with its current outputs.

    Raises
    ------
    StackError
        There is no stack in this environment.
    """
    terraform = terraform_of(workspace, progress)
    if not (terraform.data_directory / "terraform.tfstate").exists():
        terraform = prepare(workspace, progress)
    values = terraform.outputs()
    if not values:
        raise StackError(
            f"there is no stack in {workspace.environment}: "
            f"run ./kennel stack.apply --env {workspace.environment}"
        )
    return Stack(values)
