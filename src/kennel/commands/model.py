"""From photos in the bucket to an answer: train, package, deploy, predict."""

from __future__ import annotations

from typing import Any

from kennel.commands.task import kennel_task


@kennel_task(
    cloud=True,
    data="name of an uploaded data set",
    arch="efficientnet_lite0 or resnet50",
    epochs="passes over the photos",
    batch_size="photos a step",
    lr="highest learning rate",
    seed="of the new head and the order of the photos",
    instances="how many instances",
    instance_type="another than the stack's",
)
def train(
    workspace: Any,
    data: str = "dogs",
    arch: str = "efficientnet_lite0",
    epochs: int = 0,
    batch_size: int = 0,
    lr: float = 0.0,
    seed: int = 0,
    instances: int = 1,
    instance_type: str = "",
) -> dict[str, Any]:
    """Train on SageMaker and wait for the end."""
    from kennel import terminal
    from kennel.aws import sdk, stack, training

    given = {"epochs": epochs, "batch-size": batch_size, "lr": lr}
    request = sdk.Request(
        dataset=data,
        hyperparameters={
            "arch": arch,
            "seed": seed,
            **{name: value for name, value in given.items() if value},
        },
        instances=instances,
        instance_type=instance_type or None,
    )
    with terminal.progress("train") as tell:
        record = training.train(workspace, stack.outputs(workspace), request, tell)
    terminal.table(record["job"], ("metric", "value"), sorted(record["metrics"].items()))
    return record


@kennel_task(cloud=True, job="a completed training job (default: the newest)")
def package(workspace: Any, job: str = "") -> dict[str, Any]:
    """Turn a trained model into a release."""
    from kennel import terminal
    from kennel.aws import releases, stack

    with terminal.progress("package") as tell:
        release = releases.package(workspace, stack.outputs(workspace), job or None, tell)
    terminal.say(f"{release.id}: {release.arch}, {len(release.classes)} classes, from {release.job}")
    return release.as_dict()


@kennel_task(cloud=True, release="a release's id (default: the newest)")
def deploy(workspace: Any, release: str = "") -> dict[str, Any]:
    """Make a release the one that the endpoint serves."""
    from kennel import terminal
    from kennel.aws import releases, stack

    with terminal.progress("deploy") as tell:
        record = releases.deploy(workspace, stack.outputs(workspace), release or None, tell)
    terminal.say(f"{record['endpoint']} serves {record['release']}")
    return record


@kennel_task(cloud=True, called="releases")
def list_releases(workspace: Any) -> dict[str, Any]:
    """List the releases, the newest first."""
    from kennel import terminal
    from kennel.aws import releases, stack

    stack_ = stack.outputs(workspace)
    found = releases.everything(stack_["artifact_bucket"])
    current = stack_["endpoint"]["release_id"]
    rows = [(r.id, r.arch, len(r.classes), r.created, "deployed" if r.id == current else "") for r in found]
    terminal.table("Releases", ("release", "arch", "classes", "created", ""), rows)
    return {"current": current, "releases": [release.as_dict() for release in found]}


@kennel_task(
    positional=("photo",),
    cloud=True,
    photo="a JPEG, PNG or WebP file; through the function also an https:// or s3:// address",
    via="function, endpoint or model",
    top="how many breeds to name",
)
def predict(workspace: Any, photo: str, via: str = "function", top: int = 5) -> dict[str, Any]:
    """Ask which breed a photo shows."""
    from kennel import terminal
    from kennel.aws import prediction, stack

    answer = prediction.predict(workspace, stack.outputs(workspace), photo, via=via, top=top)
    if answer.status_code == 200:
        rows = [(one["breed"], one["probability"]) for one in answer.top]
        terminal.table(
            f"{photo} ({len(answer.logits)} logits, {answer.seconds:.2f} s via {via})",
            ("breed", "probability"),
            rows,
        )
    else:
        terminal.fail(f"{via} answered {answer.status_code}: {answer.error}")
    return {"ok": answer.status_code == 200, **answer.as_dict()}
