"""What the endpoint serves: deploy a release, return to an earlier deployment, list the deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from kennel.commands.release_text import compared, measured
from kennel.commands.task import kennel_task
from kennel.commands.values import Number

if TYPE_CHECKING:
    from kennel.aws.deployment.transition import Review
    from kennel.aws.infrastructure.changes import Changes

YES = "go on also if the plan changes more than the release"
PROOF = "prove a new deployment on an endpoint of its own before it has traffic"


@kennel_task(cloud=True, release="a release's id (default: the newest)", yes=YES, proof_endpoint=PROOF)
def deploy(
    workspace: Any, release: str | None = None, yes: bool = False, proof_endpoint: bool = True
) -> dict[str, Any]:
    """Make a release the one that the endpoint serves; success means that it answers its golden photos."""
    from kennel import terminal
    from kennel.aws.deployment import deployments
    from kennel.aws.infrastructure import stack
    from kennel.aws.release import releases

    with terminal.progress("deploy") as progress:
        stack_ = stack.outputs(workspace)
        bucket = stack_["artifact_bucket"]
        chosen = releases.find(bucket, release or releases.newest(bucket))
        comparison = compared(stack_, chosen)
        document = deployments.deploy(
            workspace, stack_, chosen.id, progress, review=_shown(yes), proof_before=proof_endpoint
        )
    terminal.print_line(f"{_serves(document)}: {measured(chosen)}")
    return document | comparison


@kennel_task(
    cloud=True,
    to="number of the deployment to return to, see deployments (default: the previous)",
    yes=YES,
    proof_endpoint=PROOF,
)
def rollback(
    workspace: Any,
    to: Annotated[int | None, Number(1)] = None,
    yes: bool = False,
    proof_endpoint: bool = True,
) -> dict[str, Any]:
    """Return to the previous deployment, which still exists, or deploy an older one again."""
    from kennel import terminal
    from kennel.aws.deployment import deployments
    from kennel.aws.infrastructure import stack

    with terminal.progress("rollback") as progress:
        stack_ = stack.outputs(workspace)
        document = deployments.rollback(
            workspace, stack_, to, progress, review=_shown(yes), proof_before=proof_endpoint
        )
    terminal.print_line(_serves(document))
    return document


@kennel_task(cloud=True, called="deployments")
def list_deployments(workspace: Any) -> dict[str, Any]:
    """List what was deployed, when and by whom, the newest first: the history of the record."""
    from kennel import terminal
    from kennel.aws.deployment import deployment_history, deployment_record
    from kennel.aws.infrastructure import stack

    stack_ = stack.outputs(workspace)
    record = deployment_record.read(stack_)
    events = deployment_history.events(deployment_record.history(stack_))[::-1]
    columns = ("written", "what", "deployment", "release", "previous", "by")
    terminal.print_table("Deployments", columns, [event.row for event in events])
    return {**record.as_dict(), "deployments": [event.as_dict() for event in events]}


def _shown(yes: bool) -> Review:
    """Return what shows a plan, and without ``yes`` refuses one that changes more than the release."""
    from kennel.aws.deployment import release_changes
    from kennel.commands import stack

    def review(changes: Changes) -> None:
        stack.show(changes, "plan")
        if not yes:
            release_changes.require_nothing_beyond(changes)

    return review


def _serves(document: dict[str, Any]) -> str:
    proof = document["proof"]
    photos = (
        f"{proof['photos']} golden photos answered, largest difference {proof['largest_difference']:.2g}"
        if proof["photos"]
        else "no golden photos"
    )
    deployment = f"deployment {document['deployment']}"
    return f"{document['endpoint']} serves {document['release']}, {deployment} ({photos})"
