"""A stack that sleeps: without what is billed by the hour, ready to wake with the same release.

The fact is in the record of what is deployed, which Terraform reads in every plan: a plain apply, by hand or
in a pipeline, leaves asleep what sleeps. Gone are the endpoint with its scalable target and alarms, the
interface endpoints and the provisioned concurrency; the notebook and the training host are stopped, because
their volumes may hold somebody's work. Buckets, key, function, logs and the network remain.

The plan is made for the record as it would be. It is written only once the plan has been agreed to, and
before anything is changed: what is ended in between leaves a record that any plan goes on from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kennel.aws import Progress, StackError
from kennel.aws.deployment import deployment_record, live_endpoint, proof, proof_endpoint, workbenches
from kennel.aws.deployment.deployment_record import Asleep, DeploymentRecord
from kennel.aws.deployment.proof import Proof
from kennel.aws.infrastructure import deploy_lock, stack
from kennel.aws.infrastructure.changes import Changes
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.session import Workspace

Review = Callable[[Changes, list[str]], None]
"""Receives the plan and the names of the workbenches that stop or start; raises an error to stop."""


def sleep(workspace: Workspace, stack_: Stack, review: Review, report: Progress) -> dict[str, Any]:
    """Put a stack to sleep; of one that sleeps, stop what was started since.

    Returns
    -------
    dict
        ``asleep, release, deployment, workbenches`` and the changes that were applied; the workbenches are
        those that were stopped.

    Raises
    ------
    StackError
        A deployment holds the lock, or the training host is at work; or the plan cannot be made, and nothing
        has changed; or it cannot be applied: then the record says that the stack sleeps, and `sleep` goes on
        where it stopped, or `wake` brings all back.
    """
    with deploy_lock.held(workspace, "stack.sleep", report):
        live_endpoint.settled(stack_, report)
        before, stopping = deployment_record.read(stack_), workbenches.running(stack_)
        stopped = {*stopping, *(before.asleep.stopped if before.asleep else ())}
        after = replace(before, asleep=Asleep(tuple(sorted(stopped))))

        def act() -> list[str]:
            proof_endpoint.clear(stack_, report)
            workbenches.stop(stack_, stopping, report)
            return stopping

        return _changed(workspace, stack_, (before, after), (stopping, act), review, report)


def wake(workspace: Workspace, stack_: Stack, review: Review, report: Progress) -> dict[str, Any]:
    """Wake a stack with the release that it served, and prove that it answers its golden photos.

    Returns
    -------
    dict
        As `sleep`, and ``proof``, null if nothing is deployed; the workbenches are those that were started.

    Raises
    ------
    StackError
        A deployment holds the lock, or the plan cannot be made, and nothing has changed; or it cannot be
        applied, or the release does not answer as it should: then the record says that the stack is awake,
        and `wake` may be run again.
    """
    with deploy_lock.held(workspace, "stack.wake", report):
        before = deployment_record.read(stack_)
        after = replace(before, asleep=None)
        starting = list(before.asleep.stopped) if before.asleep else []

        def act() -> list[str]:
            return workbenches.start(stack_, starting, report)

        document = _changed(workspace, stack_, (before, after), (starting, act), review, report)
        proven: Proof | None = None
        if after.current:
            live_endpoint.settled(stack_, report)
            live_endpoint.require(stack_, after.current)
            proven = proof.prove(stack_, after.current, report)
        return {**document, "proof": proven.as_dict() if proven else None}


def _changed(
    workspace: Workspace,
    stack_: Stack,
    records: tuple[DeploymentRecord, DeploymentRecord],
    benches: tuple[list[str], Callable[[], list[str]]],
    review: Review,
    report: Progress,
) -> dict[str, Any]:
    """Plan for the record, have the plan reviewed, then write the record and apply the plan."""
    (before, after), (names, act) = records, benches
    record = after.as_dict() if after != before else None
    begun = False
    try:
        with stack.planned(workspace, report, existing=True, record=record) as plan:
            review(plan.changes, names)
            begun = True
            if record is not None:
                deployment_record.write(stack_, after)
            acted = act()
            if not plan.changes.empty:
                plan.apply(report)
            changes = plan.changes
    except StackError as error:
        if begun:
            task = "stack.sleep" if after.asleep else "stack.wake"
            raise StackError(f"{error}; ./kennel {task} goes on from here") from error
        raise
    return {
        "asleep": after.asleep is not None,
        "release": after.current.id if after.current else None,
        "deployment": after.current.deployment if after.current else None,
        "workbenches": acted,
        **changes.as_dict(),
    }
