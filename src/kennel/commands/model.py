"""From photos in the bucket to an answer: train, package, deploy, predict."""

from __future__ import annotations

from typing import Any

from kennel.commands.task import kennel_task

OPTIONS: dict[str, Any] = {
    "data": "name of an uploaded data set (default: that of --best-of, else dogs)",
    "arch": "efficientnet_lite0 (the default), resnet50 or another torchvision classifier",
    "epochs": "passes over the photos",
    "views": "augmented views of each photo",
    "patience": "epochs without a better validation loss after which to stop",
    "seed": "of the new head and the order of the photos",
    "pretrained": "start from ImageNet weights; --no-pretrained: from random ones",
    "weights": "channel, package or torchvision (default: the channel if data.upload --weights filled it)",
    "instance_type": "another than the stack's",
}


def hyperparameters(pretrained: bool, **given: Any) -> dict[str, str]:
    """Return the script's arguments that were given; 0 and nothing leave the script its own default."""
    chosen = {name.replace("_", "-"): str(value) for name, value in given.items() if value not in (0, "")}
    return chosen if pretrained else chosen | {"pretrained": "false"}


@kennel_task(
    cloud=True,
    **OPTIONS,
    batch_size="photos a step, over all instances",
    lr="highest learning rate",
    dropout="before the last layer, 0 to 0.95",
    head_width="units of the head's hidden layer; 0: none",
    label_smoothing="0 to 0.9",
    weight_decay="of AdamW",
    unfreeze="how many of the backbone's last stages learn too",
    instances="how many instances share the work",
    spot="take Spot capacity: cheaper, may be interrupted, and goes on from its checkpoint",
    best_of="a tuning job whose best hyperparameters to take where none is given here",
)
def train(
    workspace: Any,
    data: str = "",
    arch: str = "",
    epochs: int = 0,
    batch_size: int = 0,
    lr: float = 0.0,
    dropout: str = "",
    head_width: str = "",
    label_smoothing: str = "",
    weight_decay: str = "",
    unfreeze: str = "",
    views: str = "",
    patience: int = 0,
    seed: str = "",
    pretrained: bool = True,
    weights: str = "",
    best_of: str = "",
    instances: int = 1,
    instance_type: str = "",
    spot: bool = False,
) -> dict[str, Any]:
    """Train on SageMaker and wait for the end."""
    from kennel import terminal
    from kennel.aws import stack, training

    given = hyperparameters(
        pretrained,
        arch=arch,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        dropout=dropout,
        head_width=head_width,
        label_smoothing=label_smoothing,
        weight_decay=weight_decay,
        unfreeze=unfreeze,
        views=views,
        patience=patience,
        seed=seed,
    )
    with terminal.progress("train") as tell:
        stack_ = stack.outputs(workspace)
        request = training.compose(
            stack_,
            dataset=data,
            hyperparameters=given,
            best_of=best_of,
            weights=weights,
            instances=instances,
            instance_type=instance_type or None,
            spot=spot,
        )
        record = training.train(workspace, stack_, request, tell)
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
