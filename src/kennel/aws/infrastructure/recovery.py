"""Goes on after an operation that was ended before it was finished: its lock, its state, what it created."""

from __future__ import annotations

from pathlib import Path

from kennel.aws import Approve, Progress, StackError, silent
from kennel.aws.infrastructure import adoption, state_lock, unfinished
from kennel.aws.infrastructure.adoption import Adoption
from kennel.aws.infrastructure.changes import Changes
from kennel.aws.infrastructure.terraform import Terraform
from kennel.aws.session import Workspace


def approval(workspace: Workspace) -> Approve:
    """Return the approval of a caller who is not asked: the local cloud is recovered, AWS is not."""
    return lambda question, rows: workspace.environment == "local"


def settle(workspace: Workspace, terraform: Terraform, approve: Approve, progress: Progress | None) -> None:
    """Return once the state is complete and not locked.

    Parameters
    ----------
    approve
        Asked before a lock is released whose process has ended.

    Raises
    ------
    StackError
        Another operation holds the lock, or it was not approved to release it.
    """
    report = progress or silent
    state_lock.settle(workspace, report, approve)
    adoption.clean(workspace)
    try:
        if terraform.push_unsaved():
            report("saved the state that the last operation could not save")
    except StackError as error:
        report(str(error))  # what is missing from the state is adopted
        unfinished.note(workspace)


def plan(
    workspace: Workspace,
    terraform: Terraform,
    file: Path,
    approve: Approve,
    progress: Progress | None,
    *,
    destroy: bool = False,
) -> Changes:
    """Return the changes that a plan in ``file`` would make, with what is missing from the state adopted.

    Parameters
    ----------
    approve
        Asked before something is adopted that exists and is missing from the state.
    destroy
        Plan to remove all resources. What is missing from the state is brought into it before that.

    Raises
    ------
    StackError
        It was not approved to adopt something.
    """
    if not unfinished.exists(workspace):
        return terraform.plan(destroy=destroy, out=file)
    report = progress or silent
    changes, adoptions = adoption.plan(workspace, terraform, terraform.plan(out=file), file, report)
    if adoptions:
        _approve(workspace, approve, adoptions)
    if not destroy:
        return changes
    if adoptions:
        with adoption.importing(terraform.directory, workspace.environment, adoptions):
            terraform.plan(out=file, targets=[adopted.address for adopted in adoptions])
        terraform.apply(file)
    return terraform.plan(destroy=True, out=file)


def _approve(workspace: Workspace, approve: Approve, adoptions: list[Adoption]) -> None:
    question = (
        "adopt what an unfinished operation of this stack has created and the state lacks "
        f"({len(adoptions)} of the planned resources)"
    )
    rows = [(adopted.address, adopted.id) for adopted in adoptions]
    if not approve(question, rows):
        names = ", ".join(adopted.address for adopted in adoptions)
        raise StackError(
            f"an unfinished operation has created {names}, missing from the state: "
            f"./kennel stack.apply --env {workspace.environment} adopts them"
        )
