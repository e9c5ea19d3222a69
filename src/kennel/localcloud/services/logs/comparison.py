"""Comparisons in filter patterns: with numbers, words with ``*``, and regular expressions."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_ORDER: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# What AWS allows in regular expressions of patterns: no groups, no further signs.
_REGEX = re.compile(r"[\w\s:#=@/;,\-^$?\[\]{}|\\*+.]*", re.ASCII)


class PatternError(ValueError):
    """What is wrong with a filter pattern."""


def comparison(sign: str, text: str, kind: str) -> Callable[[str], bool]:
    """Return whether a field, as text, compares with a value as a pattern says.

    Parameters
    ----------
    sign
        ``=``, ``!=``, ``<``, ``<=``, ``>`` or ``>=``.
    kind
        ``quoted``, ``regex`` or ``word``.

    Raises
    ------
    PatternError
        The value is no number where one is needed, or not a valid regular expression.
    """
    if sign in _ORDER:
        limit, compare = _number(text), _ORDER[sign]
        if limit is None:
            raise PatternError(f"{sign} compares with a number, not with {text}")
        return lambda field: (value := _number(field)) is not None and compare(value, limit)
    same = regular_expression(text) if kind == "regex" else _equal(text, numeric=kind == "word")
    return same if sign == "=" else lambda field: not same(field)


def regular_expression(text: str) -> Callable[[str], bool]:
    """Return whether a text contains what ``%regular expression%`` matches.

    Raises
    ------
    PatternError
        It is not one that AWS allows.
    """
    expression = text[1:-1]
    if not _REGEX.fullmatch(expression):
        raise PatternError(f"The regular expression {text} has characters that are not supported")
    try:
        compiled = re.compile(expression)
    except re.error as error:
        raise PatternError(f"The regular expression {text} is invalid: {error}") from error
    return lambda field: compiled.search(field) is not None


def _equal(text: str, *, numeric: bool) -> Callable[[str], bool]:
    number = _number(text) if numeric else None
    if number is not None:
        return lambda field: _number(field) == number
    if "*" in text:
        compiled = re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)
        return lambda field: compiled.fullmatch(field) is not None
    return lambda field: field == text


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None
