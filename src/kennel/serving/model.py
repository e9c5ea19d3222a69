"""A model: one path from the bytes of a picture to logits, the same wherever a release is served."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kennel import class_names, pictures
from kennel.serving import ServingError, cores, runtime_names, runtimes
from kennel.serving.cores import Allocation
from kennel.serving.runtimes import Runtime

DESCRIPTION = "model.json"
RECORD = "release.json"
TOP = 5


@dataclass(frozen=True)
class Model:
    """A network with its preprocessing and the names of its classes.

    Parameters
    ----------
    release
        The id of the release; None for a trained model that is none yet.
    runtime
        One of `kennel.serving.runtime_names.RUNTIMES`.
    resize, crop
        Pixels: the shorter side is scaled to ``resize``, the centre ``crop`` is what the network sees.
    allocation
        How many requests are worked on at the same time, and with how many threads.
    """

    infer: Runtime
    classes: list[str]
    release: str | None
    runtime: str
    resize: int
    crop: int
    allocation: Allocation

    def pixels(self, picture: bytes) -> np.ndarray:
        """Return what the network sees of a JPEG, PNG or WebP: uint8, shape (crop, crop, 3), RGB.

        Raises
        ------
        kennel.pictures.PictureError
            The bytes are not a picture, or it is damaged, animated or too large.
        """
        return pictures.read(picture, self.resize, self.crop)

    def logits(self, picture: bytes) -> list[float]:
        """Return one logit per class; raises what `pixels` does."""
        values: list[float] = self.infer(self.pixels(picture)[None])[0].tolist()
        return values

    def named(self, logits: list[float], top: int = TOP) -> dict[str, Any]:
        """Return the ``top`` most probable classes: softmax in float64, so that probabilities sum to one."""
        values = np.asarray(logits, dtype=np.float64)
        shares = np.exp(values - values.max())
        shares /= shares.sum()
        rows = [
            {
                "breed": class_names.readable(self.classes[i]),
                "class": self.classes[i],
                "probability": float(shares[i]),
            }
            for i in np.argsort(-shares, kind="stable")[:top]
        ]
        return {"predictions": rows, "release": self.release}


def load(folder: Path | str, allocation: Allocation | None = None) -> Model:
    """Load a model folder: a release, or a trained model, whose runtime is torch.

    Parameters
    ----------
    folder
        Holds ``model.json``, the runtime's files and, in a release, ``release.json``.
    allocation
        How the cores are shared; all of them if not given.

    Raises
    ------
    ServingError
        A file is missing, unreadable, or does not fit the others, or the runtime is not installed.
    """
    folder = Path(folder)
    shared = allocation or cores.allocate({}, cores.available())
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        classes, shape = [str(name) for name in description["classes"]], description["preprocessing"]
        resize, crop = int(shape["resize"]), int(shape["crop"])
        record = _record(folder)
    except FileNotFoundError as error:
        raise ServingError(f"{error.filename}: missing; {folder} is not a trained model") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ServingError(f"{folder}: not a trained model ({error!r:.200})") from error
    name = record.get("runtime", runtime_names.TORCH)
    infer = runtimes.open_runtime(folder, name, shared.threads, shared.streams)
    return Model(infer, classes, record.get("id"), name, resize, crop, shared)


def _record(folder: Path) -> dict[str, Any]:
    path = folder / RECORD
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
