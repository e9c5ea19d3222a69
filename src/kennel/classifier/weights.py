"""ImageNet weights of backbones: where they come from, and how they are read without unpickling code."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

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
        raise TrainingError(f"{path}: refused, it is not a state dict of plain tensors") from error
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
    from torchvision import models  # here: see kennel.classifier.lite0

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
            f"{arch}: torchvision's weights are not available ({first_line(error)}); put the .pth in the "
            f"channel 'pretrained', train {LITE0}, whose weights a package ships, or use --no-pretrained"
        ) from error


def choose(arch: str, source: str | None, channel: Path | None) -> str | Path:
    """Return the source to use: the named one, else the channel's file, else the network's usual source.

    Parameters
    ----------
    arch
        The network.
    source
        ``"package"``, ``"torchvision"``, a file, or None.
    channel
        Folder of the channel ``pretrained``, or None.

    Raises
    ------
    TrainingError
        The channel does not hold exactly one file that is for this network.
    """
    if source:
        return source if source in (PACKAGE, TORCHVISION) else Path(source)
    if channel is not None and channel.is_dir():
        files = sorted(channel.rglob("*.pth"))
        candidates = [path for path in files if path.name.replace("-", "_").startswith(arch)] or files
        if len(candidates) != 1:
            raise TrainingError(
                f"{channel}: holds {len(files)} .pth files; put one there whose name begins with {arch}"
            )
        return candidates[0]
    return PACKAGE if arch == LITE0 else TORCHVISION


def first_line(error: BaseException) -> str:
    """Return the line of an error's text that names the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[1 if len(lines) > 1 and lines[0].startswith("Error(s)") else 0][:200]
