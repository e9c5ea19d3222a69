"""The stack as a whole: plan, apply, outputs, deployed release."""

from __future__ import annotations

import json
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
    return [
        str(workspace.terraform_directory / "environments" / f"{workspace.environment}.tfvars"),
        str(workspace.release_file),
    ]


def build(workspace: Workspace) -> dict[str, str]:
    """Build the local files that Terraform reads: the function's zip."""
    return {"function_package": str(function_package.build(workspace.root / "lambda" / "predict"))}


def prepare(workspace: Workspace, progress: Progress | None = None) -> Terraform:
    """Return a Terraform that is ready to plan: state bucket, packages, providers, deployed release.

    Idempotent. The state bucket is created here because it cannot be part of the state.
    """
    report = progress or silent
    backend = state_bucket.backend(workspace)
    state_bucket.ensure(backend["bucket"], backend["region"], report)
    build(workspace)
    terraform = terraform_of(workspace, progress)
    report("terraform init")
    terraform.init(backend, session.provider_mirror())
    _fetch_release(workspace, terraform)
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
    changes = prepare(workspace, progress).destroy()
    write_release(workspace, None)
    return changes


@dataclass(frozen=True)
class Plan:
    """A plan that can be applied as it is: nothing else happens than what it shows."""

    changes: Changes
    workspace: Workspace
    destroys: bool
    terraform: Terraform
    file: Path

    def apply(self, progress: Progress | None = None) -> Changes:
        """Apply it; refused by Terraform if the stack has changed in the meantime."""
        self.terraform.progress = progress or silent
        changes = self.terraform.apply(self.file)
        if self.destroys:
            write_release(self.workspace, None)
        return changes


@contextmanager
def planned(
    workspace: Workspace, progress: Progress | None = None, *, destroy: bool = False
) -> Iterator[Plan]:
    """Yield a plan to create or change the stack, or to remove it; its file is deleted afterwards."""
    terraform = prepare(workspace, progress)
    file = workspace.build / "terraform" / "saved.tfplan"
    try:
        changes = terraform.plan(destroy=destroy, out=file)
        yield Plan(changes, workspace, destroy, terraform, file)
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


def write_release(workspace: Workspace, release: dict[str, Any] | None) -> None:
    """Write the variable file with the deployed release."""
    workspace.build.mkdir(parents=True, exist_ok=True)
    temporary = workspace.release_file.with_suffix(".tmp")
    temporary.write_text(json.dumps({"release": release}, indent=2) + "\n")
    temporary.replace(workspace.release_file)


def _fetch_release(workspace: Workspace, terraform: Terraform) -> None:
    """Write the variable file from the artifact bucket: another machine may have deployed."""
    bucket = terraform.outputs().get("artifact_bucket")
    write_release(workspace, current_release(bucket) if bucket else None)


def current_release(bucket: str) -> dict[str, Any] | None:
    """Return the Terraform variable ``release`` of the deployed release; None before the first deploy."""
    s3 = session.client("s3")
    try:
        response = s3.get_object(Bucket=bucket, Key="releases/current.json")
    except (s3.exceptions.NoSuchKey, s3.exceptions.NoSuchBucket):
        return None
    release: dict[str, Any] = json.loads(response["Body"].read())
    return release
