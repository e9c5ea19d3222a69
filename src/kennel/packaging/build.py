"""A model folder becomes what an endpoint runs: graph or weights, the application, the vendored wheels."""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kennel import pictures
from kennel.packaging import PackagingError, Photo, Progress, sign_off, vendor
from kennel.packaging.sign_off import Measured, SignOff
from kennel.serving import cores, staging
from kennel.serving.model import DESCRIPTION, Model
from kennel.serving.runtime_names import OPENVINO, OPENVINO_INT8, RUNTIMES, TORCH
from kennel.serving.runtimes import GRAPH, open_runtime

SIGN_OFF = "sign_off.json"
WEIGHTS = "model.pth"
_WARM_UP, _TIMED = 3, 20


def build(
    content: Path, photos: Sequence[Photo], *, kind: str, runtime: str, source: Path, report: Progress
) -> SignOff:
    """Complete a trained model's folder, which then holds all of a release but its record and golden photos.

    Parameters
    ----------
    content
        Holds ``model.json`` and ``model.pth``; the latter stays only if torch serves.
    photos
        What the answers are compared on.
    kind
        What these are, see `kennel.packaging.sign_off.Measured.source`.
    runtime
        What is asked for, one of `kennel.serving.runtime_names.RUNTIMES`.
    source
        The package ``kennel`` whose code is shipped.

    Raises
    ------
    KennelError
        The model does not load, no photo can be read, or the wheel cannot be had.
    """
    if runtime not in RUNTIMES:
        raise PackagingError(f"unknown runtime {runtime!r}: use {', '.join(RUNTIMES)}")
    if runtime == TORCH:
        open_runtime(content, TORCH, cores.available())  # a model that does not load is no release
        signed = SignOff(TORCH, TORCH, "the network itself, as it was trained", 0, "none")
    else:
        signed = _as_graph(content, measure(content, photos, kind), runtime, report)
    if signed.runtime != TORCH:
        (content / WEIGHTS).unlink()
        vendor.add(content, report)
    staging.stage(content, classifier=signed.runtime == TORCH, source=source)
    (content / SIGN_OFF).write_text(json.dumps(signed.as_dict(), indent=2) + "\n", encoding="utf-8")
    return signed


def measure(trained: Path, photos: Sequence[Photo], kind: str) -> Measured:
    """Return the photos as a trained network sees them, with its answers; damaged photos are left out.

    Raises
    ------
    PackagingError
        No photo can be read.
    """
    shape = input_of(trained)
    pixels, labels = [], []
    for photo in photos:
        try:
            pixels.append(pictures.read(photo.content, shape["resize"], shape["crop"])[None])
        except pictures.PictureError:
            continue
        labels.append(-1 if photo.label is None else photo.label)
    if not pixels:
        raise PackagingError("none of the photos can be read: check them with ./kennel data.check")
    eager = sign_off.logits(trained, TORCH, pixels)
    return Measured(pixels, np.array(labels), eager, kind)


def sign_again(content: Path, measured: Measured) -> SignOff:
    """Compare a finished release with the network that it is said to come from; write its sign-off anew.

    Raises
    ------
    PackagingError
        Its answers are others.
    """
    signed = sign_off.of_finished(content, _runtime_of(content), measured)
    (content / SIGN_OFF).write_text(json.dumps(signed.as_dict(), indent=2) + "\n", encoding="utf-8")
    return signed


def _runtime_of(content: Path) -> str:
    """Return what the files of a finished release are made for."""
    if (content / WEIGHTS).is_file():
        return TORCH
    quantised = '"FakeQuantize"' in (content / GRAPH).read_text(encoding="utf-8")
    return OPENVINO_INT8 if quantised else OPENVINO


def input_of(folder: Path) -> dict[str, Any]:
    """Return a release's input contract: shape and type of the pixels, and how a picture becomes them."""
    shape = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))["preprocessing"]
    crop = int(shape["crop"])
    return {
        "shape": [1, crop, crop, 3],
        "dtype": "uint8",
        "channels": "RGB",
        "resize": int(shape["resize"]),
        "crop": crop,
    }


def latency(model: Model, picture: bytes) -> dict[str, Any]:
    """Return the median time of one picture on this machine, decoding included, in milliseconds."""
    for _ in range(_WARM_UP):
        model.logits(picture)
    times = []
    for _ in range(_TIMED):
        begin = time.perf_counter()
        model.logits(picture)
        times.append(time.perf_counter() - begin)
    return {"p50_ms": round(statistics.median(times) * 1000, 2), "cores": cores.available(), "calls": _TIMED}


def _as_graph(content: Path, measured: Measured, runtime: str, report: Progress) -> SignOff:
    from kennel.packaging import export

    report("converting the network to a graph")
    with tempfile.TemporaryDirectory(dir=content.parent) as work:
        signed, folder = sign_off.choose(export.graph_of(content), measured, runtime, Path(work), report)
        for path in folder.iterdir() if folder else ():
            shutil.copyfile(path, content / path.name)
    return signed
