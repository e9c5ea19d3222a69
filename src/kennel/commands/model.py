"""From photos in the bucket to an answer: train, package, predict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from kennel.aws.training import pretrained
from kennel.commands.known_names import Hosts, InstanceType, ReleaseId
from kennel.commands.release_text import compared, measured, signed_off
from kennel.commands.task import kennel_task
from kennel.commands.training_options import TRAINED_WITH, help_for, takes_hyperparameters
from kennel.commands.values import Choice, DatasetName
from kennel.errors import UsageError
from kennel.serving.runtime_names import OPENVINO_INT8, RUNTIMES

if TYPE_CHECKING:
    from kennel.aws.release.releases import Release


@kennel_task(
    cloud=True,
    **help_for(
        *TRAINED_WITH,
        *("data", "weights", "best_of", "instance_type"),
        instances="how many instances share the work",
        spot="take Spot capacity: cheaper, may be interrupted, and resumes from its checkpoint",
    ),
)
@takes_hyperparameters(*TRAINED_WITH)
def train(
    workspace: Any,
    hyperparameters: dict[str, str],
    data: Annotated[str | None, DatasetName()] = None,
    weights: Annotated[str | None, Choice(*pretrained.SOURCES)] = None,
    best_of: str | None = None,
    instances: Annotated[int, Hosts()] = 1,
    instance_type: Annotated[str | None, InstanceType()] = None,
    spot: bool = False,
) -> dict[str, Any]:
    """Train on SageMaker and wait for the end."""
    from kennel import terminal
    from kennel.aws.infrastructure import stack
    from kennel.aws.training import training_jobs

    with terminal.progress("train") as progress:
        stack_ = stack.outputs(workspace)
        request = training_jobs.compose(
            stack_,
            dataset=data,
            hyperparameters=hyperparameters,
            best_of=best_of,
            weights=weights,
            instances=instances,
            instance_type=instance_type,
            spot=spot,
        )
        record = training_jobs.train(workspace, stack_, request, progress)
    terminal.print_table(record["job"], ("metric", "value"), sorted(record["metrics"].items()))
    _print_learned(record["learned"])
    return record


@kennel_task(
    cloud=True,
    job="a completed training job (default: the newest)",
    candidate="no job: the id of a candidate that a notebook packaged",
    from_imagenet="no job: what ImageNet's classifier knows, without any photo",
    classes="with --from-imagenet: a file of class names, one a line (default: the course's 133 breeds)",
    runtime="what serves it; openvino-int8 falls back to what passes its sign-off",
)
def package(
    workspace: Any,
    job: str | None = None,
    candidate: Annotated[str | None, ReleaseId()] = None,
    from_imagenet: bool = False,
    classes: str | None = None,
    runtime: Annotated[str, Choice(*RUNTIMES)] = OPENVINO_INT8,
) -> dict[str, Any]:
    """Turn a trained model into a release: signed off, with all that serves it."""
    from kennel import terminal
    from kennel.aws.infrastructure import stack
    from kennel.aws.release import candidates, imagenet_release, releases, trained_models

    sources = {"--job": job, "--candidate": candidate, "--from-imagenet": from_imagenet}
    given = [flag for flag, value in sources.items() if value]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]} exclude each other: leave one out")
    if classes and not from_imagenet:
        raise UsageError("--classes is for --from-imagenet: a job's classes are those of its photos")
    names = imagenet_release.read_classes(classes) if from_imagenet else ()
    unknown: list[str] = []
    with terminal.progress("package") as progress:
        stack_ = stack.outputs(workspace)
        if from_imagenet:
            release, unknown = imagenet_release.package(workspace, stack_, names, progress, runtime=runtime)
        elif candidate:
            release = candidates.promote(workspace, stack_, candidate, progress)
        else:
            taken = job or trained_models.newest_job(stack_)
            if not job:
                terminal.print_line(f"takes {taken}, the newest training job that has completed")
            release = releases.package(workspace, stack_, taken, progress, runtime=runtime)
    terminal.print_line(
        f"{release.id}: {release.arch}, {len(release.classes)} classes, from {release.job}: "
        f"{measured(release)}"
    )
    for line in signed_off(release):
        terminal.print_line(line)
    _print_learned(release.learned)
    if unknown:
        more = f" and {len(unknown) - 3} more (--json lists all)" if len(unknown) > 3 else ""
        terminal.print_line(f"not known, so rarely the answer: {', '.join(unknown[:3])}{more}")
    document = release.as_dict() | compared(stack_, release)
    return document | ({"unknown_classes": unknown} if from_imagenet else {})


@kennel_task(
    cloud=True,
    called="releases",
    candidates="what notebooks packaged instead: package --candidate ID makes a release of it",
)
def list_releases(workspace: Any, candidates: bool = False) -> dict[str, Any]:
    """List the releases, the newest first."""
    from kennel import terminal
    from kennel.aws import model_registry
    from kennel.aws.infrastructure import stack
    from kennel.aws.release import releases

    stack_ = stack.outputs(workspace)
    area = releases.CANDIDATES if candidates else releases.RELEASES
    newest_first = releases.everything(stack_["artifact_bucket"], area)
    current = stack_["endpoint"]["release_id"]
    registered = {} if candidates else model_registry.registrations(stack_.outputs.get(model_registry.OUTPUT))
    approvals = {name: registration.approval for name, registration in registered.items()}
    columns = (
        "release",
        "arch",
        "classes",
        "photos",
        "top-1",
        "loss",
        "runtime",
        "MB",
        "p50 ms",
        "approval",
        "created",
        "deployed",
    )
    terminal.print_table(
        area.capitalize(),
        columns,
        [_release_row(release, current, approvals.get(release.id)) for release in newest_first],
    )
    listed = [{**release.as_dict(), "approval": approvals.get(release.id)} for release in newest_first]
    return {"current": current, "releases": listed}


def _print_learned(learned: dict[str, Any] | None) -> None:
    """Print what the model learnt from, where that is known."""
    from kennel import terminal
    from kennel.classifier.learned import sentence

    if learned:
        terminal.print_line(sentence(learned))


def _release_row(release: Release, current: str | None, approval: str | None) -> tuple[Any, ...]:
    learned = release.learned or {}  # releases of earlier versions do not have it
    top_1, loss = (release.metrics.get(name) for name in ("test_top1", "test_loss"))
    photos, deployed = learned.get("train"), "yes" if release.id == current else ""
    megabytes = round(release.size / 1e6, 1) if release.size else None
    p50 = release.latency["p50_ms"] if release.latency else None
    return (
        *(release.id, release.arch, len(release.classes), photos, top_1, loss),
        *(release.runtime, megabytes, p50, approval, release.created, deployed),
    )
