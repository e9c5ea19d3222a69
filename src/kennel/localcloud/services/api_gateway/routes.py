"""Which route of an API a request takes: by its method and by a path with variables.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote

Target = TypeVar("Target")
VARIABLE = re.compile(r"\{([\w.:-]+)(\+?)\}")
ANY = "ANY"


@dataclass(frozen=True)
class Route(Generic[Target]):
    """A method, or ANY, and a path, whose parts may be ``{name}``, the last one ``{name+}``."""

    method: str
    path: str
    target: Target


def match(
    routes: Iterable[Route[Target]], method: str, path: str
) -> tuple[Route[Target], dict[str, str]] | None:
    """Return the most specific route of a request, with the values of its variables.

    A full match goes before one with a variable, this before a greedy one, and a named method before ANY.

    Parameters
    ----------
    path
        As it was sent, still encoded.
    """
    matches = [
        (_rank(route), route, values)
        for route in routes
        if route.method in (method, ANY) and (values := _values(route.path, path)) is not None
    ]
    if not matches:
        return None
    _, route, values = min(matches, key=lambda each: each[0])
    return route, values


def _rank(route: Route[Target]) -> tuple[list[int], bool]:
    parts = [2 if part.endswith("+}") else int(part.startswith("{")) for part in route.path.split("/")[1:]]
    return [*parts, 0], route.method == ANY


def _values(pattern: str, path: str) -> dict[str, str] | None:
    names, expression, at = [], "", 0
    for variable in VARIABLE.finditer(pattern):
        names.append(variable[1])
        expression += re.escape(pattern[at : variable.start()]) + ("(.+)" if variable[2] else "([^/]+)")
        at = variable.end()
    matched = re.fullmatch(expression + re.escape(pattern[at:]) + "/?", path)
    return (
        {name: unquote(value) for name, value in zip(names, matched.groups(), strict=True)}
        if matched
        else None
    )
