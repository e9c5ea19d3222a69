"""Where a backbone's ImageNet weights come from, read without ever unpickling code."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn
from torchvision import models

from kennel.classifier import TrainingError, lite0
from kennel.classifier.hyperparameters import LITE0

PACKAGE, TORCHVISION = "package", "torchvision"


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict of plain tensors.

    Raises
    ------
    TrainingError
        The file is missing, damaged, or holds anything but tensors.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise TrainingError(f"{path}: no such weights file") from None
    except UnpicklingError as error:
        raise TrainingError(f"{path}: refused, it is no state dict of plain tensors") from error
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise TrainingError(f"{path}: damaged weights ({first_line(error)})") from error


def load_strictly(module: nn.Module, state: dict[str, Tensor], what: str) -> None:
    """Load a state dict whose names and shapes must all match; ``what`` names it in the error."""
    try:
        module.load_state_dict(state)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise TrainingError(f"{what} do not fit the network: {first_line(error)}") from error


def torchvision_weights(arch: str) -> Any:
    """Return torchvision's best ImageNet weights entry for a network name (for resnet50 IMAGENET1K_V2)."""
    try:
        return models.get_model_weights(arch).DEFAULT
    except ValueError:
        raise TrainingError(
            f"unknown architecture {arch!r}; use {LITE0}, resnet50 or another torchvision classifier"
        ) from None


def pretrained(arch: str, source: str | Path) -> dict[str, Tensor]:
    """Return ImageNet weights of a whole network: from ``"package"``, ``"torchvision"`` or a file.

    Raises
    ------
    TrainingError
        That source has none for this network, or cannot be read or reached.
    """
    if source == PACKAGE and arch != LITE0:
        raise TrainingError(f"no package ships weights for {arch}; put its .pth in the channel 'pretrained'")
    if source == TORCHVISION and arch == LITE0:
        raise TrainingError(f"torchvision has no weights for {LITE0}; use those of its package")
    if source != TORCHVISION:
        state = read_state(lite0.packaged_weights() if source == PACKAGE else Path(source))
        return lite0.from_port(state) if arch == LITE0 else state
    try:
        return torchvision_weights(arch).get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:
        raise TrainingError(
            f"{arch}: torchvision's weights could not be had ({first_line(error)}); put the .pth in the "
            f"channel 'pretrained', train {LITE0}, whose weights a package ships, or use --no-pretrained"
        ) from error


def choose(arch: str, named: str | None, channel: Path | None) -> str | Path:
    """Return the source to use: the one named, else the channel's file, else what the network always has.

    Parameters
    ----------
    arch
        The network.
    named
        ``"package"``, ``"torchvision"``, a file, or None.
    channel
        Folder of the channel ``pretrained``, or None.

    Raises
    ------
    TrainingError
        The channel does not hold exactly one file that is for this network.
    """
    if named:
        return named if named in (PACKAGE, TORCHVISION) else Path(named)
    if channel is not None and channel.is_dir():
        found = sorted(channel.rglob("*.pth"))
        meant = [path for path in found if path.name.replace("-", "_").startswith(arch)]
        if len(meant or found) != 1:
            raise TrainingError(
                f"{channel}: holds {len(found)} .pth files; put one there whose name begins with {arch}"
            )
        return (meant or found)[0]
    return PACKAGE if arch == LITE0 else TORCHVISION


def first_line(error: BaseException) -> str:
    """Return the telling line of an error that may have many."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[1 if len(lines) > 1 and lines[0].startswith("Error(s)") else 0][:200]
