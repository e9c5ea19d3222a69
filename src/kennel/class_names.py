"""How the name of a class's folder is shown to people. Ships in every release and training job."""

from __future__ import annotations

import re


def readable(folder: str) -> str:
    """Return a class folder's name as a person reads it.

    Examples
    --------
    >>> readable("096.Labrador_retriever")
    'Labrador retriever'
    """
    return re.sub(r"^\d+\.", "", folder).replace("_", " ").strip() or folder
