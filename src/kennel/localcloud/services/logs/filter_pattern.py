"""Filter patterns: terms, space-delimited fields, and JSON.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kennel.localcloud.services.logs import json_pattern
from kennel.localcloud.services.logs.comparison import PatternError, comparison, regular_expression

_TERM = re.compile(
    r'\s*(?P<sign>[-?]?)(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<regex>%[^%]+%)|(?P<word>[^\s"]+))'
)
_PLAIN = re.compile(r"[\w\-.:/@#*,=;'!$&+~^|<>{}()\[\]\\]+")
# A field is a word, or what stands between brackets or quotes.
_FIELD = re.compile(r'\[([^\]]*)\]|"((?:[^"\\]|\\.)*)"|(\S+)')
_CONDITION = re.compile(
    r'\s*(?P<name>[\w\-.]+)?\s*(?P<sign>!=|<=|>=|=|<|>)\s*(?:"(?P<quoted>[^"]*)"|(?P<regex>%[^%]+%)|(?P<word>[^\s&|"]+))\s*'
)


@dataclass(frozen=True)
class FilterPattern:
    """A pattern, ready to match.

    Attributes
    ----------
    match
        Takes a log event's message; returns None, or what selectors of a metric's value and dimensions read:
        ``{"$": document}`` for JSON, the fields by their names otherwise.
    """

    text: str
    match: Callable[[str], dict[str, Any] | None]


def parse(text: str) -> FilterPattern:
    """Return a pattern.

    Raises
    ------
    PatternError
        It is not valid.
    """
    stripped = text.strip()
    if stripped.startswith("{") and stripped.endswith("}"):
        test = json_pattern.parse(stripped[1:-1])
        return FilterPattern(text, lambda message: _matched_json(test, message))
    if stripped.startswith("[") and stripped.endswith("]"):
        return FilterPattern(text, _space_delimited(stripped[1:-1]))
    terms = _terms(stripped)
    return FilterPattern(text, lambda message: {} if terms(message) else None)


def selected(matched: dict[str, Any], selector: str) -> Any:
    """Return what a selector, ``$.name`` or ``$name``, reads in a matched event; None if there is nothing."""
    if "$" in matched:
        value = json_pattern.select(matched["$"], selector)
        return None if value is json_pattern.ABSENT else value
    return matched.get(selector.removeprefix("$"))


def _matched_json(test: Callable[[Any], bool], message: str) -> dict[str, Any] | None:
    try:
        document = json.loads(message)
    except (ValueError, RecursionError):
        return None
    return {"$": document} if isinstance(document, dict) and test(document) else None


def _terms(text: str) -> Callable[[str], bool]:
    """Return whether a message has all terms, or one of the optional ones (``?``), and no excluded one."""
    included: list[Callable[[str], bool]] = []
    excluded: list[Callable[[str], bool]] = []
    optional: list[Callable[[str], bool]] = []
    position = 0
    while position < len(text):
        term = _TERM.match(text, position)
        if term is None:
            raise PatternError(f"Invalid character(s) in term '{text[position:].strip()}'")
        position = term.end()
        lists = {"-": excluded, "?": optional, "": included}
        lists[term["sign"]].append(_term(term))
    # With other terms beside them AWS ignores the optional ones.
    needed = included or optional
    some = any if needed is optional and optional else all
    return lambda message: (
        some(test(message) for test in needed) and not any(test(message) for test in excluded)
    )


def _term(term: re.Match[str]) -> Callable[[str], bool]:
    if term["regex"]:
        return regular_expression(term["regex"])
    if term["quoted"] is not None:
        phrase = re.sub(r"\\(.)", r"\1", term["quoted"])
        return lambda message: phrase in message
    word = term["word"]
    if not _PLAIN.fullmatch(word):
        raise PatternError(f"Invalid character(s) in term '{word}'")
    return lambda message: word in message


def _space_delimited(text: str) -> Callable[[str], dict[str, Any] | None]:
    """Return what matches the fields of a message, which conditions on them select."""
    fields = [field.strip() for field in _split(text)]
    if fields.count("...") > 1:
        raise PatternError("A pattern has one ellipsis (...) at most")
    parsed = [None if field == "..." else _field(field) for field in fields]
    gap = parsed.index(None) if None in parsed else None

    def match(message: str) -> dict[str, Any] | None:
        values = [next(part for part in match if part is not None) for match in _values(message)]
        names = parsed
        if gap is not None:
            missing = len(values) - (len(parsed) - 1)
            if missing < 0:
                return None
            names = [*parsed[:gap], *[("", None)] * missing, *parsed[gap + 1 :]]
        if len(values) != len(names):
            return None
        matched: dict[str, Any] = {}
        for (name, test), value in zip((each for each in names if each is not None), values, strict=True):
            if test and not test(value):
                return None
            if name:
                matched[name] = value
        return matched

    return match


def _values(message: str) -> list[tuple[str | None, str | None, str | None]]:
    return [(match[1], match[2], match[3]) for match in _FIELD.finditer(message)]


def _split(text: str) -> list[str]:
    """Split at commas outside of quotes and regular expressions."""
    return re.findall(r'(?:[^,"%]|"[^"]*"|%[^%]*%)+', text)


def _field(text: str) -> tuple[str, Callable[[str], bool] | None]:
    """Return a field's name and the test of its condition, None without one."""
    if re.fullmatch(r"[\w\-.]+", text):
        return text, None
    name, tests, connective = "", [], ""
    for part in re.split(r"(&&|\|\|)", text):
        if part in ("&&", "||"):
            if connective not in ("", part):
                raise PatternError(f"Invalid field '{text}': use && or ||, not both")
            connective = part
            continue
        condition = _CONDITION.fullmatch(part)
        if condition is None:
            raise PatternError(f"Invalid field '{text}'")
        name = name or condition["name"] or ""
        kind = next(kind for kind in ("quoted", "regex", "word") if condition[kind] is not None)
        tests.append(comparison(condition["sign"], condition[kind], kind))
    several = any if connective == "||" else all
    return name, lambda value: several(test(value) for test in tests)
