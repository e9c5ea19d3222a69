"""Parsers of JSON requests that accept JSON only: moto's take what is none for an empty request."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from moto.core.parse import PROTOCOL_PARSERS


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def loads(text: bytes) -> Any:
    """Decode a JSON document.

    Raises
    ------
    ValueError
        It is malformed, holds NaN or an infinity, which Python takes for numbers, or names a member twice.
    RecursionError
        It is nested too deep.
    """
    return json.loads(text.decode(), parse_constant=_no_number, object_pairs_hook=_members)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is there twice")
    return members


class _Strict:
    """Replaces how one of moto's parsers reads a document."""

    def _parse_body_as_json(self, body: bytes) -> Any:
        return loads(body) if body else {}


PARSERS: dict[str, type[Any]] = {
    protocol: type(f"Strict{PROTOCOL_PARSERS[protocol].__name__}", (_Strict, PROTOCOL_PARSERS[protocol]), {})
    for protocol in ("json", "rest-json")
}
