"""Filter patterns for JSON log events: ``{ ($.level = "ERROR") && ($.ms > 100) }``.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from kennel.localcloud.services.logs.comparison import PatternError, comparison
from kennel.localcloud.services.tokens import Tokens

ABSENT = object()
_TOKEN = re.compile(
    r"\s*(?:(?P<selector>\$(?:\.[\w\-]+|\.?\[\s*(?:\d+|\*|'[^']*'|\"[^\"]*\")\s*\])*)"
    r"|(?P<sign>&&|\|\||[()])"
    r"|(?P<operator>!=|<=|>=|=|<|>)"
    r"|(?P<quoted>\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<regex>%[^%]*%)"
    r"|(?P<word>[^\s()=!<>&|\"]+))"
)
_STEP = re.compile(r"\.([\w\-]+)|\.?\[\s*(?:(\d+)|(\*)|'([^']*)'|\"([^\"]*)\")\s*\]")

Test = Callable[[Any], bool]


def parse(text: str) -> Test:
    """Return whether a JSON document matches a pattern, without its braces.

    Raises
    ------
    PatternError
        It is not one.
    """
    parser = _Parser(text)
    test = parser.either()
    if parser.kind:
        raise parser.unexpected()
    return test


def select(document: Any, selector: str) -> Any:
    """Return the part of a JSON document that a selector names, `ABSENT` if there is none.

    Raises
    ------
    PatternError
        It is no selector.
    """
    if not selector.startswith("$"):
        raise PatternError(f"{selector} is no selector")
    position = 1
    while position < len(selector):
        step = _STEP.match(selector, position)
        if step is None:
            raise PatternError(f"{selector} is no selector")
        name = next((part for part in (step[1], step[4], step[5]) if part is not None), None)
        if step[3]:
            raise PatternError(f"{selector}: the local cloud selects one element of an array, not all")
        document = _child(document, name, step[2])
        position = step.end()
    return document


def _child(document: Any, name: str | None, index: str | None) -> Any:
    if name is not None:
        return document.get(name, ABSENT) if isinstance(document, dict) else ABSENT
    if index is not None and isinstance(document, list) and int(index) < len(document):
        return document[int(index)]
    return ABSENT


class _Parser(Tokens):
    def __init__(self, text: str) -> None:
        super().__init__(
            text, _TOKEN, lambda rest, _at: PatternError(f"Invalid character(s) in term '{rest}'")
        )

    def unexpected(self) -> PatternError:
        return PatternError(f"Unexpected '{self.lexeme}'" if self.kind else "The pattern ends too early")

    def either(self) -> Test:
        tests = [self.both()]
        while self.lexeme == "||":
            self.advance()
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda document: any(test(document) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.lexeme == "&&":
            self.advance()
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else lambda document: all(test(document) for test in tests)

    def one(self) -> Test:
        if self.kind == "sign" and self.lexeme == "(":
            self.advance()
            test = self.either()
            if self.lexeme != ")":
                raise self.unexpected()
            self.advance()
            return test
        if self.kind != "selector":
            raise self.unexpected()
        selector = self.lexeme
        select({}, selector)
        self.advance()
        if self.kind == "word":
            return self.property_of(selector)
        if self.kind != "operator":
            raise self.unexpected()
        sign = self.lexeme
        self.advance()
        if self.kind not in ("quoted", "regex", "word"):
            raise self.unexpected()
        text = json.loads(self.lexeme) if self.kind == "quoted" else self.lexeme
        compare = comparison(sign, text, self.kind)
        self.advance()
        return lambda document: _compared(compare, sign, select(document, selector))

    def property_of(self, selector: str) -> Test:
        first = self.lexeme.upper()
        self.advance()
        second = self.lexeme.upper()
        tests: dict[tuple[str, str], Test] = {
            ("IS", "NULL"): lambda value: value is None,
            ("IS", "TRUE"): lambda value: value is True,
            ("IS", "FALSE"): lambda value: value is False,
            ("NOT", "EXISTS"): lambda value: value is ABSENT,
        }
        test = tests.get((first, second))
        if test is None:
            raise self.unexpected()
        self.advance()
        return lambda document: test(select(document, selector))


def _compared(compare: Callable[[str], bool], sign: str, value: Any) -> bool:
    """Compare a value as its text; what is absent, null or has members equals nothing."""
    if value is ABSENT or value is None or isinstance(value, (dict, list)):
        return False
    return compare(value if isinstance(value, str) else json.dumps(value))
