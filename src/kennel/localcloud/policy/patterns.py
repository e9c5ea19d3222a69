"""Policy patterns: wildcards, policy variables, and ARNs matched segment by segment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

# A request's context: lower-case condition keys, with one value or several.
RequestContext = Mapping[str, "str | list[str]"]

VARIABLE = re.compile(r"\$\{(?P<name>[^}]*)\}")
ARN_SEGMENTS = 6


class UnresolvedVariable(Exception):  # noqa: N818 - a fact about the request, handled by the matcher
    """A pattern names a variable that the request has no single value for."""


def matches(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """Return whether a value matches a pattern: ``*`` is any text, ``?`` any one character.

    Examples
    --------
    >>> matches("s3:Get*", "s3:GetObject")
    True
    """
    return _compiled(pattern, ignore_case).fullmatch(value) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    return re.compile(_wildcards(pattern), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _wildcards(text: str) -> str:
    # A run of stars is one star: without this, hostile patterns take exponential time.
    text = re.sub(r"\*+", "*", text)
    return "".join({"*": ".*", "?": "."}.get(character) or re.escape(character) for character in text)


def expression(pattern: str, context: RequestContext, *, variables: bool) -> str:
    """Return a regular expression for a pattern, with its variables replaced by their literal values.

    Parameters
    ----------
    variables
        Whether the policy's version has variables (2012-10-17 does, 2008-10-17 does not).

    Raises
    ------
    UnresolvedVariable
        The request has no single value for a variable without a default.
    """
    if not variables or "${" not in pattern:
        return _wildcards(pattern)
    parts, position = [], 0
    for variable in VARIABLE.finditer(pattern):
        parts.append(_wildcards(pattern[position : variable.start()]))
        parts.append(re.escape(_value_of(variable["name"], context)))
        position = variable.end()
    parts.append(_wildcards(pattern[position:]))
    return "".join(parts)


def substitute(text: str, context: RequestContext, *, variables: bool) -> str:
    """Return a text with its variables replaced, for operators without wildcards.

    Raises
    ------
    UnresolvedVariable
        The request has no single value for a variable without a default.
    """
    if not variables or "${" not in text:
        return text
    return VARIABLE.sub(lambda variable: _value_of(variable["name"], context), text)


def _value_of(name: str, context: RequestContext) -> str:
    if name in ("*", "?", "$"):
        return name
    name, _, default = name.partition(",")
    value = context.get(name.strip().lower())
    if isinstance(value, str):
        return value
    literal = re.fullmatch(r"\s*'(.*)'\s*", default)
    if literal:
        return literal[1]
    raise UnresolvedVariable(name)


def matches_with_variables(
    pattern: str, value: str, context: RequestContext, *, variables: bool = True, ignore_case: bool = False
) -> bool:
    """Return what `matches` does, with policy variables; with one that has no value, nothing matches."""
    try:
        compiled = re.compile(
            expression(pattern, context, variables=variables),
            re.DOTALL | (re.IGNORECASE if ignore_case else 0),
        )
    except UnresolvedVariable:
        return False
    return compiled.fullmatch(value) is not None


def matches_arn(pattern: str, arn: str, context: RequestContext, *, variables: bool = True) -> bool:
    """Return whether an ARN matches a pattern of a Resource element or an Arn condition.

    A wildcard stays within its colon-separated segment, of which the sixth is the rest
    (IAM user guide, "IAM JSON policy elements: Resource").
    """
    if set(pattern) == {"*"}:
        return True
    # Variables hold colons ("${aws:userid}"), so they are kept whole while the segments are split.
    names = [variable[0] for variable in VARIABLE.finditer(pattern)]
    segments = [
        re.sub("\0", lambda _: names.pop(0), segment) for segment in VARIABLE.sub("\0", pattern).split(":", 5)
    ]
    values = arn.split(":", 5)
    if len(segments) != ARN_SEGMENTS or len(values) != ARN_SEGMENTS:
        return pattern == arn
    return all(
        matches_with_variables(segment, value, context, variables=variables)
        for segment, value in zip(segments, values, strict=True)
    )
