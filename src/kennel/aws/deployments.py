"""Deployments: make a release the one that the endpoint serves, or return to the one before.

A deployment is written into the record first, because Terraform plans what the record says. It has succeeded
when the endpoint runs it and answers the release's golden photos; otherwise the record returns to what was
live before, and Terraform removes what the deployment had made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from kennel.aws import (
    Progress,
    StackError,
    deploy_lock,
    deployment_record,
    live_endpoint,
    proof,
    release_changes,
    releases,
    settlement,
    silent,
    stack,
)
from kennel.aws.changes import Changes
from kennel.aws.deployment_record import Deployment, DeploymentRecord
from kennel.aws.proof import Proof
from kennel.aws.releases import Release
from kennel.aws.session import Workspace
from kennel.aws.stack import Stack

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
    """

    workspace: Workspace
    stack: Stack
    before: DeploymentRecord
    found: list[str]
    review: Review
    report: Progress

    def to(self, after: DeploymentRecord) -> dict[str, Any]:
        """Make the record's current deployment live, prove it, and return the task's document.

        Raises
        ------
        StackError
            It failed; the endpoint serves what it served before, and the record says so.
        """
        assert after.current is not None, "there is something to deploy"
        if after != self.before:
            deployment_record.write(self.stack, after)
        applied = False
        try:
            with stack.planned(self.workspace, self.report, existing=True) as plan:
                self.review(plan.changes)
                if not plan.changes.empty:
                    applied = True
                    plan.apply(self.report)
            proven = self._prove(after.current)
        except BaseException as error:
            if after != self.before:
                self._return(after, error, applied=applied)
            raise
        return self._document(after, proven)

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

    def _document(self, after: DeploymentRecord, proven: Proof) -> dict[str, Any]:
        assert after.current is not None, "something was deployed"
        return {
            "release": after.current.id,
            "deployment": after.current.deployment,
            "endpoint": self.stack["endpoint"]["name"],
            "previous": self.before.current.id if self.before.current else None,
            "proof": proven.as_dict(),
            "found": self.found,
        }


def deploy(
    workspace: Workspace,
    stack_: Stack,
    release_id: str | None = None,
    progress: Progress | None = None,
    *,
    review: Review = release_changes.require_nothing_beyond,
) -> dict[str, Any]:
    """Deploy a release, the newest if none is given, and prove it.

    Returns
    -------
    dict
        ``release, deployment, endpoint, previous, proof, found``; previous is the id of the release that was
        deployed before, found has a line for each thing that an earlier deployment had left.

    Raises
    ------
    StackError
        The deployment failed: the endpoint serves what it served before, and the record says so.
    """
    bucket = stack_["artifact_bucket"]
    release = releases.find(bucket, release_id or releases.newest(bucket))
    (progress or silent)(f"reading {release.id}, to compare its content with its digest")
    releases.verify(release)
    with _transition(workspace, stack_, f"deploy {release.id}", review, progress or silent) as transition:
        before = transition.before
        following = _next(stack_, before, release)
        if before.current and _same(before.current, following):
            return transition.to(before)  # it is deployed already, with these settings
        return transition.to(before.with_next(following))


def rollback(
    workspace: Workspace,
    stack_: Stack,
    number: int | None = None,
    progress: Progress | None = None,
    *,
    review: Review = release_changes.require_nothing_beyond,
) -> dict[str, Any]:
    """Return to an earlier deployment, the previous one if no number is given, and prove it.

    The previous deployment's model and configuration still exist, so nothing is created for it. The release
    of an older one is deployed again, as a new deployment.

    Returns
    -------
    dict
        As `deploy`.

    Raises
    ------
    StackError
        There is no such deployment, or it failed: then the endpoint serves what it served before.
    """
    report = progress or silent
    name = f"rollback to {number}" if number is not None else "rollback"
    with _transition(workspace, stack_, name, review, report) as transition:
        before, live = transition.before, live_endpoint.describe(stack_)
        variant = stack_["endpoint"]["variant"]
        document = transition.to(_earlier(stack_, before, number))
        if live is not None:
            serves = live_endpoint.settled(stack_, report)
            assert serves is not None, "it has just answered"
            live_endpoint.keep_instances(stack_, serves, live.desired.get(variant, 0), report)
        return document


@contextmanager
def _transition(
    workspace: Workspace, stack_: Stack, operation: str, review: Review, report: Progress
) -> Iterator[Transition]:
    """Hold the lock and settle what an earlier deployment has left."""
    with deploy_lock.held(workspace, operation, report) as abandoned:
        before, found = settlement.settle(stack_, abandoned, report)
        for line in found:
            report(f"found: {line}")
        yield Transition(workspace, stack_, before, found, review, report)


def _next(stack_: Stack, record: DeploymentRecord, release: Release) -> Deployment:
    """Return the release's next deployment: with the stack's settings, and as many instances as serve now."""
    settings = stack_["endpoint"]
    return Deployment(
        id=release.id,
        digest=release.digest,
        model_data_url=release.model_data_url,
        image=settings["image"],
        deployment=record.deployment + 1,
        instance_count=_instances(stack_),
        instance_type=settings["instance_type"],
    )


def _instances(stack_: Stack) -> int:
    """Return the number of instances to begin with; a new configuration would reset it to the stack's own."""
    settings, live = stack_["endpoint"], live_endpoint.describe(stack_)
    count: int = (live.desired.get(settings["variant"]) if live else None) or settings["instance_count"]
    return count


def _same(deployed: Deployment, following: Deployment) -> bool:
    def settings(deployment: Deployment) -> tuple[str | None, ...]:
        return deployment.digest, deployment.model_data_url, deployment.image, deployment.instance_type

    return settings(deployed) == settings(following)


def _earlier(stack_: Stack, record: DeploymentRecord, number: int | None) -> DeploymentRecord:
    """Return the record in which an earlier deployment is the current one.

    Raises
    ------
    StackError
        There is none.
    """
    if record.current and number == record.current.deployment:
        raise StackError(
            f"deployment {number} is live already: give an earlier one, see ./kennel deployments"
        )
    if record.previous and number in (None, record.previous.deployment):
        return record.rolled_back()
    if number is None:
        raise StackError(
            "there is no previous deployment: deploy a release with ./kennel deploy --release, or give an "
            "older deployment with --to"
        )
    earlier = deployment_record.serving(deployment_record.history(stack_), number)
    if earlier is None or earlier.current is None:
        raise StackError(f"there is no deployment {number}: ./kennel deployments lists them")
    release = releases.find(stack_["artifact_bucket"], earlier.current.id)
    releases.verify(release)
    again = replace(
        earlier.current,
        digest=release.digest,
        deployment=record.deployment + 1,
        instance_count=_instances(stack_),
    )
    return record.with_next(again)
