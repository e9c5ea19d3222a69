"""Class names: the course's 133 breeds."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def breeds() -> tuple[str, ...]:
    """Return the 133 class folders of the course's data set, such as ``001.Affenpinscher``, in order."""
    return tuple((files("kennel.classifier") / "breeds.txt").read_text(encoding="utf-8").split())
