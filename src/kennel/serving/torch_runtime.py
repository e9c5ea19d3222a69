"""The runtime ``torch``: the trained network itself, eager. No other module of this package imports torch."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kennel.serving import ServingError


def open_network(folder: Path, threads: int, streams: int) -> Callable[[np.ndarray], np.ndarray]:
    """Load ``model.json`` and ``model.pth``; return the function from pixels to logits.

    At most ``streams`` calls are computed at the same time, each with ``threads`` threads.

    Raises
    ------
    ServingError
        torch is not installed, or the files do not describe a network.
    """
    try:
        import torch

        from kennel.classifier import networks, weights
    except ImportError as error:
        raise ServingError(
            f"the runtime torch needs {error.name}: install it, or package for OpenVINO"
        ) from error
    try:
        model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        network, prepared = networks.from_description(model, weights.read_state(folder / "model.pth"))
    except FileNotFoundError as error:
        raise ServingError(f"{error.filename}: missing; {folder} is not a trained model") from None
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ServingError(f"{folder}: not a trained model ({error!r:.200})") from error
    local, free = threading.local(), threading.Semaphore(streams)

    def infer(pixels: np.ndarray) -> np.ndarray:
        if not hasattr(local, "limited"):
            torch.set_num_threads(threads)  # counts for the calling thread
            local.limited = True
        with free, torch.inference_mode():
            logits: np.ndarray = network(prepared.to_input(torch.from_numpy(pixels.copy()))).numpy()
            return logits

    return infer
