"""The data plane: training jobs that train, endpoints that serve, functions that run, on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kennel.localcloud.cloud import Cloud


def prepare(cloud: Cloud) -> None:
    """Register the operations that really run something."""
    from kennel.localcloud.plane import endpoint, function, invocation, training  # noqa: F401 - their handlers register at import
