"""Runtimes: what computes a release's logits, behind one function from pixels to logits."""

from __future__ import annotations

import queue
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kennel.serving import ServingError, vendored
from kennel.serving.runtime_names import OPENVINO, OPENVINO_INT8, RUNTIMES, TORCH

GRAPH = "graph.xml"  # the weights are beside it, in graph.bin

Runtime = Callable[[np.ndarray], np.ndarray]
"""uint8 pixels (N, crop, crop, 3), RGB, to float32 logits (N, classes)."""


def open_runtime(folder: Path, name: str, threads: int, streams: int = 1) -> Runtime:
    """Load a model folder's network into a runtime.

    Parameters
    ----------
    folder
        The unpacked release: ``graph.xml`` and ``graph.bin``, or for ``torch`` ``model.json`` and
        ``model.pth``.
    name
        One of `RUNTIMES`.
    threads
        Threads that compute one call.
    streams
        How many calls are computed at the same time; the function may be called by more threads, which wait.

    Raises
    ------
    ServingError
        The runtime is unknown or not installed, or the folder does not hold a network for it.
    """
    if name == TORCH:
        from kennel.serving import torch_runtime

        return torch_runtime.open_network(folder, threads, streams)
    if name in (OPENVINO, OPENVINO_INT8):
        return _open_graph(folder, threads, streams)
    raise ServingError(
        f"unknown runtime {name!r}; this code has {', '.join(RUNTIMES)}: package the model again"
    )


def _open_graph(folder: Path, threads: int, streams: int) -> Runtime:
    openvino = _openvino(folder)
    path = folder / GRAPH
    if not path.is_file():
        raise ServingError(
            f"{path}: missing; {folder} is not a release for OpenVINO: package the model again"
        )
    core = openvino.Core()
    try:
        compiled = core.compile_model(
            core.read_model(path),
            "CPU",
            {
                # A CPU that has bfloat16 would otherwise compute with it, and logits differ by 0.1.
                "INFERENCE_PRECISION_HINT": "f32",
                "NUM_STREAMS": streams,
                "INFERENCE_NUM_THREADS": streams * threads,
                "ENABLE_CPU_PINNING": False,  # other processes of the instance use the cores too
            },
        )
    except RuntimeError as error:
        raise ServingError(f"{path}: not a graph that OpenVINO loads ({str(error)[:200]!r})") from error
    # Each request has its own memory. All are made here: OpenVINO hung where one thread made the first of its
    # requests while another computed.
    idle: queue.LifoQueue[Any] = queue.LifoQueue()
    for _ in range(streams):
        idle.put(compiled.create_infer_request())

    def infer(pixels: np.ndarray) -> np.ndarray:
        request = idle.get()
        try:
            rows = [request.infer([pixels[i : i + 1]])[0].copy() for i in range(len(pixels))]
        finally:
            idle.put(request)
        return np.concatenate(rows)

    return infer


def silence_telemetry() -> None:
    """Keep OpenVINO, and NNCF, from sending statistics of use to their makers.

    Both do without the package that sends them. It must be absent when they are first imported: None makes
    its import fail.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


def _openvino(folder: Path) -> Any:
    silence_telemetry()
    try:
        import openvino
    except ImportError:
        vendored.install(folder)
        try:
            import openvino
        except ImportError as error:
            raise ServingError(
                f"the release needs OpenVINO, which is neither installed nor in its vendor folder ({error}): "
                "pip install openvino, or package the model for this Python and platform"
            ) from error
    return openvino
