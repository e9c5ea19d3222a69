"""Replacing an attribute of one of moto's classes."""

from __future__ import annotations

import inspect
from typing import Any


def replace(owner: Any, name: str, value: Any) -> Any:
    """Replace an attribute of a class.

    Returns
    -------
    The original attribute (a property, not its value), or None.
    """
    original = inspect.getattr_static(owner, name, None)
    setattr(owner, name, value)
    return original
