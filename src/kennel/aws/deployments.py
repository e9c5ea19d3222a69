"""Deployments: make a release the one that the endpoint serves, or return to the one before.

A deployment is written into the record first, because Terraform plans what the record says. If it fails, the
record returns to what is live, and Terraform removes what the deployment had made.
"""

from __future__ import annotations

from typing import Any

from kennel.aws import Progress, StackError, deployment_record, live_endpoint, releases, silent, stack
from kennel.aws.deployment_record import Deployment, DeploymentRecord
from kennel.aws.releases import Release
from kennel.aws.session import Workspace
from kennel.aws.stack import Stack


def deploy(
    workspace: Workspace, stack_: Stack, release_id: str | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Deploy a release, the newest if none is given.

    Returns
    -------
    dict
        ``release, deployment, endpoint, previous``: the id of the release that was deployed before.

    Raises
    ------
    StackError
        The deployment failed: the endpoint serves what it served before, and the record says so.
    """
    bucket = stack_["artifact_bucket"]
    release = releases.find(bucket, release_id or releases.newest(bucket))
    before = deployment_record.read(stack_)
    after = before.with_next(_next(stack_, before, release))
    if before.current and _same(before.current, after.current):
        after = before  # it is deployed already, with these settings
    _change(workspace, stack_, before, after, progress or silent)
    return _document(stack_, before, after)


def rollback(workspace: Workspace, stack_: Stack, progress: Progress | None = None) -> dict[str, Any]:
    """Return to the previous deployment, whose model and configuration still exist.

    Returns
    -------
    dict
        As `deploy`.
    """
    before = deployment_record.read(stack_)
    if before.previous is None:
        raise StackError("there is no previous deployment to return to: ./kennel deployments lists them")
    after = before.rolled_back()
    _change(workspace, stack_, before, after, progress or silent)
    return _document(stack_, before, after)


def _next(stack_: Stack, record: DeploymentRecord, release: Release) -> Deployment:
    """Return the release's next deployment: with the stack's settings, and as many instances as serve now."""
    settings, live = stack_["endpoint"], live_endpoint.describe(stack_)
    return Deployment(
        id=release.id,
        digest=release.digest,
        model_data_url=release.model_data_url,
        image=settings["image"],
        deployment=record.deployment + 1,
        # A new endpoint configuration would reset the number of instances to its initial count.
        instance_count=(live.instances.get(settings["variant"]) if live else None)
        or settings["instance_count"],
        instance_type=settings["instance_type"],
    )


def _same(deployed: Deployment, wanted: Deployment | None) -> bool:
    def settings(deployment: Deployment) -> tuple[str | None, ...]:
        return deployment.digest, deployment.model_data_url, deployment.image, deployment.instance_type

    return wanted is not None and settings(deployed) == settings(wanted)


def _change(
    workspace: Workspace, stack_: Stack, before: DeploymentRecord, after: DeploymentRecord, report: Progress
) -> None:
    """Write the record and apply it; if that fails, write back what is live and apply that.

    Raises
    ------
    StackError
        The deployment failed.
    """
    if after != before:
        deployment_record.write(stack_, after)
    try:
        stack.prepare(workspace, report).apply()
        _require_live(stack_, after)
    except StackError as error:
        if after == before:
            raise
        report(f"failed: {error}; returning to what was deployed before")
        deployment_record.write(stack_, before.with_number(after.deployment))
        stack.prepare(workspace, report).apply()
        raise


def _require_live(stack_: Stack, record: DeploymentRecord) -> None:
    """Check that the endpoint serves the record's current deployment."""
    live, current = live_endpoint.describe(stack_), record.current
    assert current is not None, "what was deployed is the current deployment"
    wanted = live_endpoint.configuration_of(stack_, current)
    if live is None or live.status != "InService" or live.configuration != wanted:
        seen = f"{live.configuration}, {live.status}: {live.reason}" if live else "there is no endpoint"
        raise StackError(f"the endpoint does not serve {wanted}, but {seen}")


def _document(stack_: Stack, before: DeploymentRecord, after: DeploymentRecord) -> dict[str, Any]:
    assert after.current is not None, "what was deployed is the current deployment"
    return {
        "release": after.current.id,
        "deployment": after.current.deployment,
        "endpoint": stack_["endpoint"]["name"],
        "previous": before.current.id if before.current else None,
    }
