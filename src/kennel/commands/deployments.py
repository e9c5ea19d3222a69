"""What the endpoint serves: deploy a release, return to the previous deployment, list the deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kennel.commands.release_text import compared, measured
from kennel.commands.task import kennel_task

if TYPE_CHECKING:
    from kennel.aws.deployment_record import RecordVersion


@kennel_task(cloud=True, release="a release's id (default: the newest)")
def deploy(workspace: Any, release: str | None = None) -> dict[str, Any]:
    """Make a release the one that the endpoint serves."""
    from kennel import terminal
    from kennel.aws import deployments, releases, stack

    with terminal.progress("deploy") as progress:
        stack_ = stack.outputs(workspace)
        bucket = stack_["artifact_bucket"]
        chosen = releases.find(bucket, release or releases.newest(bucket))
        comparison = compared(stack_, chosen)
        record = deployments.deploy(workspace, stack_, chosen.id, progress)
    terminal.print_line(f"{record['endpoint']} serves {record['release']}: {measured(chosen)}")
    return record | comparison


@kennel_task(cloud=True)
def rollback(workspace: Any) -> dict[str, Any]:
    """Return to the previous deployment, whose model and endpoint configuration still exist."""
    from kennel import terminal
    from kennel.aws import deployments, stack

    with terminal.progress("rollback") as progress:
        record = deployments.rollback(workspace, stack.outputs(workspace), progress)
    terminal.print_line(
        f"{record['endpoint']} serves {record['release']} again, deployment {record['deployment']}"
    )
    return record


@kennel_task(cloud=True, called="deployments")
def list_deployments(workspace: Any) -> dict[str, Any]:
    """List what was deployed and when, the newest first."""
    from kennel import terminal
    from kennel.aws import deployment_record, stack

    versions = deployment_record.history(stack.outputs(workspace))[::-1]
    terminal.print_table(
        "Deployments",
        ("written", "deployment", "release", "previous", "by"),
        [_row(version) for version in versions if version.record.current],
    )
    record = versions[0].record.as_dict()
    return {"current": record["current"], "previous": record["previous"], "deployments": _documents(versions)}


def _row(version: RecordVersion) -> tuple[Any, ...]:
    current, previous = version.record.current, version.record.previous
    assert current is not None, "only versions with a deployment are shown"
    written = version.written.isoformat(timespec="seconds")
    return written, current.deployment, current.id, previous.deployment if previous else None, version.by


def _documents(versions: list[RecordVersion]) -> list[dict[str, Any]]:
    return [
        {
            "version": version.version,
            "written": version.written.isoformat(timespec="seconds"),
            "by": version.by,
            **version.record.as_dict(),
        }
        for version in versions
    ]
