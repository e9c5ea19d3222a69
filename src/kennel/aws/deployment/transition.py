"""A change of what is deployed, with the lock held: proven, recorded, applied, proven again, or taken back.

It is planned for the record as it would be, so that what would stop it stops it before anything is changed.
A new deployment is then proven on an endpoint of its own, while the present one serves. Then the record is
written, and the plan applied: what ends in between leaves a record that the next deployment goes on from. It
has succeeded when the endpoint runs it and answers the release's golden photos; otherwise the record returns
to what was live before, and Terraform removes what the deployment had made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kennel.aws import Progress, StackError
from kennel.aws.deployment import deployment_record, live_endpoint, proof, proof_endpoint, settlement
from kennel.aws.deployment.deployment_record import Deployment, DeploymentRecord
from kennel.aws.deployment.proof import Proof
from kennel.aws.infrastructure import deploy_lock, stack
from kennel.aws.infrastructure.changes import Changes
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.session import Workspace

Review = Callable[[Changes], None]
"""Receives a deployment's plan before it is applied; raises an error to stop."""


@dataclass(frozen=True)
class Transition:
    """One change of what is deployed, with the lock held.

    Parameters
    ----------
    before
        The record of what is live.
    found
        What an earlier deployment had left, a line each.
    proof_before
        Whether a new deployment is proven before it has traffic.
    """

    workspace: Workspace
    stack: Stack
    before: DeploymentRecord
    found: list[str]
    review: Review
    report: Progress
    proof_before: bool

    def to(self, after: DeploymentRecord) -> dict[str, Any]:
        """Make the record's current deployment live, prove it, and return the task's document.

        Raises
        ------
        StackError
            It failed; the endpoint serves what it served before, and the record says so.
        """
        assert after.current is not None, "there is something to deploy"
        record = after.as_dict() if after != self.before else None
        written = applied = False
        try:
            with stack.planned(self.workspace, self.report, existing=True, record=record) as plan:
                self.review(plan.changes)
                before_traffic = self._prove_before_traffic(after)
                if record is not None:
                    written = True
                    deployment_record.write(self.stack, after)
                if not plan.changes.empty:
                    applied = True
                    plan.apply(self.report)
            proven = self._prove(after.current)
        except BaseException as error:
            if written:
                self._return(after, error, applied=applied)
            raise
        return self._document(after, proven, before_traffic)

    def _prove_before_traffic(self, after: DeploymentRecord) -> Proof | None:
        """Prove a new deployment on an endpoint of its own; None if nobody is served or it is not new.

        What was deployed before has a configuration that was proven: a roll-back to it loses no time.

        Raises
        ------
        StackError
            It does not answer as it should; nothing has been changed.
        """
        new, current = after.current, self.before.current
        if not self.proof_before or new is None or new.deployment <= self.before.deployment:
            return None
        live = live_endpoint.describe(self.stack)
        if live is None or not live.serves or current is None:
            return None
        try:
            return proof_endpoint.prove(self.stack, new, self.report)
        except StackError as error:
            raise StackError(
                f"{new.id} failed its proof before it had any traffic: {error}; {live.name} serves "
                f"{current.id} as before"
            ) from error

    def _prove(self, deployment: Deployment) -> Proof:
        live_endpoint.require(self.stack, deployment)
        return proof.prove(self.stack, deployment, self.report)

    def _return(self, after: DeploymentRecord, error: BaseException, *, applied: bool) -> None:
        """Write the record of what was live, and apply it if something else has been applied."""
        assert after.current is not None, "there was something to deploy"
        what = f"deployment {after.current.deployment} ({after.current.id}) failed: {error or 'interrupted'}"
        current = self.before.current
        self.report(f"{what}; returning to what was deployed before")
        deployment_record.write(self.stack, self.before.with_number(after.deployment))
        if not applied:
            return
        try:
            live_endpoint.settled(self.stack, self.report)
            stack.apply(self.workspace, self.report, existing=True)
            if current is not None:
                live_endpoint.require(self.stack, current)
        except StackError as second:
            raise StackError(
                f"{what}; and the return failed too: {second}; run ./kennel deploy or ./kennel rollback "
                "again, which begins with what is left"
            ) from error
        if isinstance(error, StackError):
            serves = f"serves {current.id} as before" if current else "is removed again"
            raise StackError(f"{what}; {self.stack['endpoint']['name']} {serves}") from error

    def _document(
        self, after: DeploymentRecord, proven: Proof, before_traffic: Proof | None
    ) -> dict[str, Any]:
        assert after.current is not None, "something was deployed"
        return {
            "release": after.current.id,
            "deployment": after.current.deployment,
            "endpoint": self.stack["endpoint"]["name"],
            "previous": self.before.current.id if self.before.current else None,
            "proof": proven.as_dict(),
            "proof_before_traffic": before_traffic.as_dict() if before_traffic else None,
            "found": self.found,
        }


@contextmanager
def begun(
    workspace: Workspace,
    stack_: Stack,
    operation: str,
    review: Review,
    report: Progress,
    proof_before: bool,
) -> Iterator[Transition]:
    """Hold the lock and settle what an earlier deployment has left.

    Raises
    ------
    StackError
        The stack sleeps, or another deployment holds the lock.
    """
    with deploy_lock.held(workspace, operation, report) as abandoned:
        if deployment_record.read(stack_).asleep:
            raise StackError(f"{stack_['name']} is asleep: run ./kennel stack.wake first")
        left = proof_endpoint.clear(stack_, report)
        before, found = settlement.settle(stack_, abandoned, report)
        found = left + found
        for line in found:
            report(f"found: {line}")
        yield Transition(workspace, stack_, before, found, review, report, proof_before)
