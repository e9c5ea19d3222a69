"""A model that has seen no photo: an ImageNet backbone, and ImageNet's classifier as the prior."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kennel import class_names
from kennel.classifier import (
    TrainingError,
    atomic_files,
    imagenet,
    learned,
    networks,
    weights,
)
from kennel.classifier.prior import PriorSettings


def write(folder: Path, classes: Sequence[str], arch: str, source: str | Path) -> list[str]:
    """Write the model's folder; return the classes that ImageNet does not know.

    These share the probability that the others leave, so each of them is improbable.

    Parameters
    ----------
    classes
        Class names, such as those of folders.
    source
        Where the backbone's weights come from, see `kennel.classifier.networks.build`.

    Raises
    ------
    TrainingError
        There are fewer than two classes, one is there twice, or ImageNet knows none of them.
    """
    shown = [class_names.readable(name).casefold() for name in classes]
    if twice := [name for name, text in zip(classes, shown, strict=True) if shown.count(text) > 1]:
        raise TrainingError(f"the class {twice[0]!r} is there twice; name every class once")
    if len(classes) < 2:
        raise TrainingError("a classifier needs at least two classes; name more")
    settings = PriorSettings(imagenet.categories(classes))
    if not settings.known:
        raise TrainingError(
            f"ImageNet knows none of the {len(classes)} classes, such as {classes[0]!r}; use the names of "
            "its categories, or train on photos"
        )
    network = networks.build(arch, len(classes), pretrained=source, prior=settings)
    atomic_files.write_state(folder / "model.pth", network.state_dict())
    described = networks.description(network, arch, tuple(classes), head_width=0, dropout=0.0)
    record = learned.record("none", 0, len(classes), settings.known)
    atomic_files.write_json(folder / "model.json", described)
    atomic_files.write_json(folder / "metrics.json", {})  # nothing was tested
    atomic_files.write_json(folder / learned.FILE, record)
    return imagenet.unknown(classes)


def default_weights(arch: str) -> str | Path:
    """Return the usual source of a network's ImageNet weights."""
    return weights.choose(arch, None, None)
