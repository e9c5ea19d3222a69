"""Kennel: from a folder of labelled photos to an autoscaled, least-privilege prediction service."""

from __future__ import annotations


def __getattr__(name: str) -> str:
    """Return ``__version__``, which pyproject.toml declares; read when it is asked for."""
    if name == "__version__":
        from kennel.version import VERSION

        return VERSION
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
