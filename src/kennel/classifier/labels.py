"""Class names: the course's 133 breeds, and how a folder's name is shown to people."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files


@cache
def breeds() -> tuple[str, ...]:
    """Return the 133 class folders of the course's data set, such as ``001.Affenpinscher``, in order."""
    return tuple((files("kennel.classifier") / "breeds.txt").read_text(encoding="utf-8").split())


def readable(folder: str) -> str:
    """Return a class folder's name as a person reads it.

    Examples
    --------
    >>> readable("096.Labrador_retriever")
    'Labrador retriever'
    """
    return re.sub(r"^\d+\.", "", folder).replace("_", " ").strip() or folder
