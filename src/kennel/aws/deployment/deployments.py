"""Deployments: make a release the one that the endpoint serves, or return to the one before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kennel.aws import Progress, StackError, silent
from kennel.aws.deployment import deployment_record, live_endpoint, release_changes, transition
from kennel.aws.deployment.deployment_record import Deployment, DeploymentRecord
from kennel.aws.deployment.transition import Review
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import releases
from kennel.aws.release.releases import Release
from kennel.aws.session import Workspace


def deploy(
    workspace: Workspace,
    stack_: Stack,
    release_id: str | None = None,
    progress: Progress | None = None,
    *,
    review: Review = release_changes.require_nothing_beyond,
    proof_before: bool = True,
) -> dict[str, Any]:
    """Deploy a release, the newest if none is given, and prove it.

    Parameters
    ----------
    proof_before
        Prove it on an endpoint of its own before it has traffic. It is not where nobody is served yet.

    Returns
    -------
    dict
        ``release, deployment, endpoint, previous, proof, proof_before_traffic, found``; previous is the id of
        the release that was deployed before, found has a line for each thing that an earlier deployment had
        left.

    Raises
    ------
    StackError
        The deployment failed: the endpoint serves what it served before, and the record says so.
    """
    bucket = stack_["artifact_bucket"]
    release = releases.find(bucket, release_id or releases.newest(bucket))
    report = progress or silent
    report(f"reading {release.id}, to compare its content with its digest")
    releases.verify(release)
    operation = f"deploy {release.id}"
    with transition.begun(workspace, stack_, operation, review, report, proof_before) as change:
        before = change.before
        following = _next(stack_, before, release)
        if before.current and _same(before.current, following):
            return change.to(before)  # it is deployed already, with these settings
        return change.to(before.with_next(following))


def rollback(
    workspace: Workspace,
    stack_: Stack,
    number: int | None = None,
    progress: Progress | None = None,
    *,
    review: Review = release_changes.require_nothing_beyond,
    proof_before: bool = True,
) -> dict[str, Any]:
    """Return to an earlier deployment, the previous one if no number is given, and prove it.

    The previous deployment's model and configuration still exist, so nothing is created for it, and nothing
    proven before it. The release of an older one is deployed again, as a new deployment.

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
    with transition.begun(workspace, stack_, name, review, report, proof_before) as change:
        before, live = change.before, live_endpoint.describe(stack_)
        variant = stack_["endpoint"]["variant"]
        document = change.to(_earlier(stack_, before, number))
        if live is not None:
            serves = live_endpoint.settled(stack_, report)
            assert serves is not None, "it has just answered"
            live_endpoint.keep_instances(stack_, serves, live.desired.get(variant, 0), report)
        return document


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
        serverless=settings.get("serverless"),
    )


def _instances(stack_: Stack) -> int:
    """Return the number of instances to begin with; a new configuration would reset it to the stack's own."""
    settings, live = stack_["endpoint"], live_endpoint.describe(stack_)
    count: int = (live.desired.get(settings["variant"]) if live else None) or settings["instance_count"]
    return count


def _same(deployed: Deployment, following: Deployment) -> bool:
    def settings(deployment: Deployment) -> tuple[Any, ...]:
        place = deployment.serverless or deployment.instance_type
        return deployment.digest, deployment.model_data_url, deployment.image, place

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
