"""Policy patterns: wildcards, policy variables, and ARNs of Resource elements and of conditions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

# A request's context: lower-case condition keys, with one value or several.
RequestContext = Mapping[str, "str | list[str]"]

VARIABLE = re.compile(r"\$\{(?P<name>[^}]*)\}")
ARN_SEGMENTS = 6
# The parts of a pattern: a wildcard, a colon between segments, or a literal text.
_STAR, _ONE, _COLON = ("star", ""), ("one", ""), ("colon", ":")
_Token = tuple[str, str]


class UnresolvedVariable(Exception):  # noqa: N818 - a fact about the request, handled by the matcher
    """A pattern names a variable that the request has no single value for."""


def matches(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """Return whether a value matches a pattern: ``*`` is any text, ``?`` any one character.

    Examples
    --------
    >>> matches("s3:Get*", "s3:GetObject")
    True
    """
    return _text_expression(pattern, None, ignore_case).fullmatch(value) is not None


def matches_with_variables(
    pattern: str, value: str, context: RequestContext, *, variables: bool = True
) -> bool:
    """Return what `matches` does, with policy variables; with one that has no value, nothing matches.

    Parameters
    ----------
    variables
        Whether the policy's version has variables (2012-10-17 does, 2008-10-17 does not).
    """
    try:
        values = _values_of(pattern, context, variables)
    except UnresolvedVariable:
        return False
    return _text_expression(pattern, values, False).fullmatch(value) is not None


def matches_resource(pattern: str, arn: str, context: RequestContext, *, variables: bool = True) -> bool:
    """Return whether an ARN matches a pattern of a Resource or NotResource element.

    A pattern with fewer than six segments is completed with ``*``. A ``*`` at the end of a segment goes
    beyond the colon, any other wildcard stays within its segment; the sixth segment is the rest of the ARN
    (IAM user guide, "IAM JSON policy elements: Resource").
    """
    if set(pattern) == {"*"}:
        return True
    if not pattern.startswith("arn:"):
        return pattern == arn
    try:
        values = _values_of(pattern, context, variables)
    except UnresolvedVariable:
        return False
    return _resource_expression(pattern, values).fullmatch(arn) is not None


def matches_arn(pattern: str, arn: str, context: RequestContext, *, variables: bool = True) -> bool:
    """Return whether an ARN matches a pattern of an Arn condition: each of the six segments on its own.

    In a pattern of fewer segments, a ``*`` at the beginning stands for those that are missing.

    Source: IAM user guide, "IAM JSON policy elements: Condition operators", Amazon Resource Name conditions;
    SageMaker guide, "Identity-based policy examples", whose patterns include ``*key/...``.
    """
    if set(pattern) == {"*"}:
        return True
    try:
        values = _values_of(pattern, context, variables)
    except UnresolvedVariable:
        return False
    expression = _arn_expression(pattern, values)
    return expression.fullmatch(arn) is not None if expression else pattern == arn


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


# The values of a pattern's variables in their order; None for a pattern whose policy has no variables.
_Values = tuple[str, ...] | None


def _values_of(pattern: str, context: RequestContext, variables: bool) -> _Values:
    if not variables or "${" not in pattern:
        return None
    return tuple(_value_of(variable["name"], context) for variable in VARIABLE.finditer(pattern))


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


def _tokens(pattern: str, values: _Values) -> list[_Token]:
    """Split a pattern into wildcards, colons and literal characters; a variable's value is one literal."""
    if values is None:
        return [_token(character) for character in pattern]
    tokens, position = [], 0
    for variable, value in zip(VARIABLE.finditer(pattern), values, strict=True):
        tokens += [_token(character) for character in pattern[position : variable.start()]]
        tokens.append(("text", value))
        position = variable.end()
    return tokens + [_token(character) for character in pattern[position:]]


def _token(character: str) -> _Token:
    return {"*": _STAR, "?": _ONE, ":": _COLON}.get(character) or ("text", character)


@lru_cache(maxsize=4096)
def _text_expression(pattern: str, values: _Values, ignore_case: bool) -> re.Pattern[str]:
    return re.compile(_glob(_tokens(pattern, values)), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


@lru_cache(maxsize=4096)
def _resource_expression(pattern: str, values: _Values) -> re.Pattern[str]:
    segments = _segments(pattern, values)
    segments += [[_STAR]] * (ARN_SEGMENTS - len(segments))
    head = "".join(
        # Of a row of segments that are all *, it is enough that the last goes beyond its colon.
        _segment(segment, crosses=segment != [_STAR] or following != [_STAR]) + ":"
        for segment, following in pairwise(segments)
    )
    return re.compile(head + _glob(segments[-1]), re.DOTALL)


@lru_cache(maxsize=4096)
def _arn_expression(pattern: str, values: _Values) -> re.Pattern[str] | None:
    segments = _segments(pattern, values)
    if len(segments) != ARN_SEGMENTS:
        shortened = segments[0][:1] == [_STAR]
        return re.compile(_glob(_tokens(pattern, values)), re.DOTALL) if shortened else None
    head = "".join(_segment(segment, crosses=False) + ":" for segment in segments[:-1])
    return re.compile(head + _glob(segments[-1]), re.DOTALL)


def _segments(pattern: str, values: _Values) -> list[list[_Token]]:
    """Split a pattern at its first five colons; those in a variable's value do not count."""
    segments: list[list[_Token]] = [[]]
    for token in _tokens(pattern, values):
        if token == _COLON and len(segments) < ARN_SEGMENTS:
            segments.append([])
        else:
            segments[-1].append(token)
    return segments


def _segment(tokens: Sequence[_Token], *, crosses: bool) -> str:
    """Return the expression of one of an ARN's first five segments; a final * may go beyond the colon."""
    parts = [{_STAR: "[^:]*", _ONE: "[^:]"}.get(token) or re.escape(token[1]) for token in tokens]
    if crosses and tokens and tokens[-1] == _STAR:
        parts[-1] = ".*"
    return "".join(parts)


def _glob(tokens: Sequence[_Token]) -> str:
    """Return the expression of a text with wildcards, in which every * may be any text.

    What follows a * is matched where it first occurs, and never again further on (an atomic group):
    without this, hostile patterns take exponential time.
    """
    chunks: list[list[str]] = [[]]
    for token in tokens:
        if token == _STAR:
            chunks.append([])
        else:
            chunks[-1].append("." if token == _ONE else re.escape(token[1]))
    first, *rest = ("".join(chunk) for chunk in chunks)
    if not rest:
        return first
    between = "".join(f"(?>.*?{chunk})" for chunk in rest[:-1] if chunk)
    return f"{first}{between}.*{rest[-1]}"
