"""Values at places of a call's parameters, as condition keys hold them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def values_at(value: Any, names: list[str]) -> Iterator[Any]:
    """Yield what is at a place of the parameters, each member of a list on its own; nothing for None."""
    if isinstance(value, list):
        for member in value:
            yield from values_at(member, names)
    elif not names:
        if value is not None:
            yield value
    elif isinstance(value, dict):
        yield from values_at(value.get(names[0]), names[1:])


def text_of(value: Any) -> str:
    """Return a parameter's value as policies write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
