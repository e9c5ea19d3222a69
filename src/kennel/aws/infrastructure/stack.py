"""The stack as a whole: plan, apply, outputs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.aws import Approve, Progress, StackError, endpoint_lifecycle, model_registry, session, silent
from kennel.aws.infrastructure import (
    deploy_lock,
    function_package,
    other_record,
    recovery,
    state_bucket,
    state_lock,
    state_outputs,
    unfinished,
)
from kennel.aws.infrastructure.changes import Changes
from kennel.aws.infrastructure.stateless_root import stateless
from kennel.aws.infrastructure.terraform import Terraform
from kennel.aws.session import Workspace


@dataclass(frozen=True)
class Stack:
    """Terraform's outputs: the only source of names, ARNs, buckets and images.

    Parameters
    ----------
    uploads
        Prefix in the artifact bucket of the code and the records that the caller uploads: empty, or the
        notebook's own, which ends in a slash. The notebook's role may write nowhere else.
    """

    outputs: dict[str, Any]
    uploads: str = ""

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
    state_bucket.ensure(report)
    return _initialised(workspace, progress)


@contextmanager
def reading(workspace: Workspace, progress: Progress | None = None) -> Iterator[Terraform]:
    """Yield a Terraform that is ready to plan, for plans that are only shown: nothing is changed on AWS.

    Without a state bucket, it plans from an empty state.
    """
    report = progress or silent
    if state_bucket.exists():
        yield _initialised(workspace, progress)
        return
    report("there is no bucket for the state yet, so there is no stack")
    build(workspace)
    with stateless(workspace.terraform_directory) as root:
        terraform = terraform_of(workspace, progress, root)
        terraform.init({}, session.provider_mirror())
        try:
            yield terraform
        finally:
            # What was initialised without the backend must not be taken for the stack's.
            (terraform.data_directory / "terraform.tfstate").unlink(missing_ok=True)


def _initialised(workspace: Workspace, progress: Progress | None) -> Terraform:
    build(workspace)
    terraform = terraform_of(workspace, progress)
    (progress or silent)("terraform init")
    terraform.init(state_bucket.backend(workspace), session.provider_mirror())
    return terraform


def terraform_of(
    workspace: Workspace,
    progress: Progress | None = None,
    root: Path | None = None,
    files: list[Path] | None = None,
) -> Terraform:
    """Return the Terraform of a workspace, or of another root like its own, without preparing anything.

    Parameters
    ----------
    files
        The variable files; by default the environment's own.
    """
    return Terraform(
        root or workspace.terraform_directory,
        workspace.build / "terraform",
        files or [Path(name) for name in variable_files(workspace)],
        # The same region for the state, the stack and the SDKs, wherever it is configured.
        variables={"region": session.region()},
        binary=session.terraform_binary(),
        progress=progress,
    )


def plan(workspace: Workspace, progress: Progress | None = None) -> Changes:
    """Return the changes that an apply would make; writes nothing, no lock either."""
    with reading(workspace, progress) as terraform:
        return terraform.plan(lock=False)


def plan_with_document(
    workspace: Workspace, progress: Progress | None = None
) -> tuple[Changes, dict[str, Any]]:
    """Return the changes that an apply would make, and the plan as Terraform's JSON document."""
    with reading(workspace, progress) as terraform:
        saved = terraform.data_directory / "shown.tfplan"
        try:
            changes = terraform.plan(out=saved, lock=False)
            return changes, terraform.show(saved)
        finally:
            saved.unlink(missing_ok=True)


def drift(workspace: Workspace, progress: Progress | None = None, *, everything: bool = False) -> Changes:
    """Return the changes that were made outside Terraform: those that an apply would undo, or all.

    Writes nothing, no lock either.
    """
    with reading(workspace, progress) as terraform:
        return terraform.drift(everything=everything)


def lock(workspace: Workspace) -> state_lock.StateLock | None:
    """Return who holds the lock on the state; None if nobody does."""
    return state_lock.current(workspace)


def unlock(workspace: Workspace, lock_id: str) -> None:
    """Release the lock on the state, or the one on deployments, that a killed operation left.

    Raises
    ------
    StackError
        There is no such lock, or the process that holds it still runs on this machine.
    """
    deployment = deploy_lock.current(workspace)
    if deployment is not None and deployment.id == lock_id:
        if deployment.running:
            raise StackError(f"{deployment.operation} still runs on this machine: wait for its end")
        deploy_lock.free(workspace, lock_id)
        return
    found = state_lock.current(workspace)
    if found is None or found.id != lock_id:
        other = f": {found.text} ({found.id})" if found else ""
        raise StackError(f"there is no lock {lock_id} on the state of {workspace.environment}{other}")
    if found.record is not None and found.record.running:
        raise StackError(f"{found.text}: wait for its end, or interrupt it")
    state_lock.release(workspace, lock_id)


def apply(workspace: Workspace, progress: Progress | None = None, *, existing: bool = False) -> Changes:
    """Create or change the stack; the deployed release is kept; ``existing`` as in `planned`."""
    with planned(workspace, progress, existing=existing) as plan:
        return plan.apply(progress)


def destroy(workspace: Workspace, progress: Progress | None = None) -> Changes:
    """Remove the stack, including the deployed release; the state bucket is kept."""
    with planned(workspace, progress, destroy=True) as plan:
        return plan.apply(progress)


@dataclass(frozen=True)
class Plan:
    """A plan that can be applied as it is: nothing else happens than what it shows."""

    changes: Changes
    workspace: Workspace
    terraform: Terraform
    file: Path
    destroy: bool = False

    def apply(self, progress: Progress | None = None) -> Changes:
        """Apply it; refused by Terraform if the stack has changed in the meantime."""
        self.terraform.progress = progress or silent
        if self.destroy:
            _delete_what_terraform_does_not(self.workspace, progress or silent)
        with unfinished.noted(self.workspace):
            return self.terraform.apply(self.file)


@contextmanager
def planned(
    workspace: Workspace,
    progress: Progress | None = None,
    *,
    destroy: bool = False,
    approve: Approve | None = None,
    existing: bool = False,
    record: dict[str, Any] | None = None,
) -> Iterator[Plan]:
    """Yield a plan to create or change the stack, or to remove it; its file is deleted afterwards.

    Parameters
    ----------
    approve
        Asked before what an unfinished operation left is released or adopted; see
        `kennel.aws.infrastructure.recovery`.
    existing
        Leave the state bucket as it is, because the stack exists: the role of a deployment may not change it.
    record
        Plan for this record of what is deployed, instead of the one on AWS; it is to be written before the
        plan is applied.
    """
    approve = approve or recovery.approval(workspace)
    terraform = (_initialised if existing else prepare)(workspace, progress)
    recovery.settle(workspace, terraform, approve, progress)
    file = workspace.build / "terraform" / "saved.tfplan"
    with contextlib.ExitStack() as roots:
        if (
            record is not None
        ):  # what is initialised serves the copy too: its providers and modules are the same
            root = roots.enter_context(other_record.planning_for(workspace.terraform_directory, record))
            terraform = terraform_of(workspace, progress, root)
        try:
            changes = recovery.plan(workspace, terraform, file, approve, progress, destroy=destroy)
            yield Plan(changes, workspace, terraform, file, destroy)
        finally:
            file.unlink(missing_ok=True)


def outputs(workspace: Workspace, progress: Progress | None = None) -> Stack:
    """Return the stack with its current outputs.

    Raises
    ------
    StackError
        There is no stack in this environment.
    """
    backend = state_bucket.backend(workspace)
    terraform = terraform_of(workspace, progress)

    def ask() -> dict[str, Any]:
        terraform.init(backend, session.provider_mirror())
        return terraform.outputs()

    version = state_outputs.state_version(state_bucket.place(backend["key"]))
    values = state_outputs.read(terraform.data_directory, version, ask) if version else {}
    if not values:
        raise StackError(
            f"there is no stack in {workspace.environment}: "
            f"run ./kennel stack.apply --env {workspace.environment}"
        )
    return Stack(values)


def _delete_what_terraform_does_not(workspace: Workspace, report: Progress) -> None:
    """Delete what a killed deployment's proof left, and the registered releases: they are not in the state.

    The former has the stack's role and key; SageMaker does not delete the group of the latter before them.
    A stack whose first apply was not finished has no outputs, and has not deployed anything.
    """
    try:
        values = outputs(workspace, report)
        name = values["proof_endpoint"]["name"]
    except StackError:
        return
    endpoint_lifecycle.delete(name, report)
    model_registry.remove_all(values.outputs.get(model_registry.OUTPUT))
