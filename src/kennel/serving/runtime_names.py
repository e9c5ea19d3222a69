"""The names of the runtimes, in a module that imports nothing: tasks check their arguments with it."""

from __future__ import annotations

OPENVINO_INT8, OPENVINO, TORCH = "openvino-int8", "openvino", "torch"
RUNTIMES = (OPENVINO_INT8, OPENVINO, TORCH)
