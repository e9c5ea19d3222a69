"""moto's records of SageMaker's resources, where only its private attributes hold them."""

from __future__ import annotations

from typing import Any


def model(backend: Any, name: str) -> Any:
    """Return moto's record of a model, or None."""
    return backend._models.get(name)
