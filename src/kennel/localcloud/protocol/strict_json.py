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


class _StrictRest(_Strict):
    """Refuses a body that names what the path, the query or a header names.

    moto's parser takes the body's, some of its handlers the path's: one would be authorised, the other done.
    """

    def _add_modeled_parse(self, request: dict[str, Any], shape: Any, parsed: dict[str, Any]) -> None:
        super()._add_modeled_parse(request, shape, parsed)  # type: ignore[misc] # of moto's parser beside it
        if shape is None or "payload" in shape.serialization or not request["body"]:
            return
        elsewhere, here = set[str](), set[str]()
        for name, member in shape.members.items():
            spelled = {name.lower(), str(member.serialization.get("name", name)).lower()}
            (elsewhere if "location" in member.serialization else here).update(spelled)
        document = loads(request["body"])
        names = {name.lower() for name in document} if isinstance(document, dict) else set()
        twice = names & (elsewhere - here)
        if twice:
            raise ValueError(f"the body names {', '.join(sorted(twice))}, which is named elsewhere")


PARSERS: dict[str, type[Any]] = {
    protocol: type(f"Strict{PROTOCOL_PARSERS[protocol].__name__}", (strict, PROTOCOL_PARSERS[protocol]), {})
    for protocol, strict in (("json", _Strict), ("rest-json", _StrictRest))
}
