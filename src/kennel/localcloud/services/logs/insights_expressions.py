"""The expressions of Logs Insights queries, over the fields of log events.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kennel.localcloud.services.logs.insights_values import (
    FUNCTIONS,
    SECONDS,
    Value,
    arithmetic,
    compare,
    floored,
    matches,
)

Row = dict[str, Value]
Expression = Callable[[Row], Value]
TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|`(?P<quoted>[^`]+)`
    |(?P<number>\d+(?:\.\d+)?)(?P<unit>[a-zA-Z]+)?|(?P<name>[@A-Za-z_][\w.@]*)
    |(?P<sign>!=|<=|>=|=~|[-+*/%^()\[\],|=<>]))""",
    re.VERBOSE,
)
REGEX = re.compile(r"\s*/((?:[^/\\]|\\.)*)/")
PERIODS = ("bin", "datefloor", "dateceil")
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")


class QueryError(ValueError):
    """A query that CloudWatch refuses, or that is refused here; the text says why."""


class ExpressionParser:
    """Reads a query from its beginning: words, signs and expressions.

    Parameters
    ----------
    text : str
        The query, without comments.
    """

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return not self.text[self.at :].strip()

    def error(self, expected: str = "") -> QueryError:
        """Return the error for what comes next."""
        rest = self.text[self.at :].strip()[:20] or "the end"
        return QueryError(f"unexpected symbol found {rest!r}{expected and f', expected {expected}'}")

    def peek(self) -> re.Match[str] | None:
        """Return the next word or sign, which stays; None at the end."""
        return TOKEN.match(self.text, self.at)

    def take(self, *words: str) -> str:
        """Take one of these words or signs, if it comes next."""
        match = self.peek()
        word = (match["name"] or match["sign"] or "").lower() if match else ""
        if match and word in words:
            self.at = match.end()
            return word
        return ""

    def expect(self, *words: str) -> str:
        """Take one of these words or signs, or raise."""
        word = self.take(*words)
        if not word:
            raise self.error(" or ".join(words))
        return word

    def next_is(self, sign: str) -> bool:
        """Whether a sign comes next."""
        match = self.peek()
        return match is not None and match["sign"] == sign

    def expression(self) -> Expression:
        """Read an expression."""
        left = self._and()
        while self.take("or"):
            left = _either(left, self._and())
        return left

    def _and(self) -> Expression:
        left = self._not()
        while self.take("and"):
            left = _both(left, self._not())
        return left

    def _not(self) -> Expression:
        if self.take("not"):
            operand = self._not()
            return lambda row: not operand(row)
        return self._comparison()

    def _comparison(self) -> Expression:
        left = self.sum()
        operator = self.take(*COMPARISONS)
        if operator:
            right = self.sum()
            return lambda row: compare(operator, left(row), right(row))
        negated = bool(self.take("not"))
        word = self.take("like", "=~", "in")
        if word == "in":
            choices = self._list()
            return lambda row: any(compare("=", left(row), each(row)) for each in choices) != negated
        if word:
            pattern = self._pattern()
            return lambda row: matches(left(row), pattern) != negated
        if negated:
            raise self.error("like or in")
        return left

    def _pattern(self) -> re.Pattern[str]:
        regex = REGEX.match(self.text, self.at)
        if regex:
            self.at = regex.end()
            return compiled(regex[1].replace("(?<", "(?P<"))
        return re.compile(re.escape(self.string()))

    def _list(self) -> list[Expression]:
        self.expect("[")
        choices = [self.expression()]
        while self.take(","):
            choices.append(self.expression())
        self.expect("]")
        return choices

    def sum(self) -> Expression:
        """Read an expression without comparisons."""
        left = self._product()
        while sign := self.take("+", "-"):
            left = _calculation(sign, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._power()
        while sign := self.take("*", "/", "%"):
            left = _calculation(sign, left, self._power())
        return left

    def _power(self) -> Expression:
        base = self.operand()
        return _calculation("^", base, self._power()) if self.take("^") else base

    def operand(self) -> Expression:
        """Read a field, a constant, a function's call, or what is in parentheses."""
        if self.take("("):
            inner = self.expression()
            self.expect(")")
            return inner
        if self.take("-"):
            return _calculation("-", lambda row: 0.0, self.operand())
        match = self.peek()
        if match is None or match["sign"]:
            raise self.error("an expression")
        self.at = match.end()
        if match["string"]:
            text = _unquoted(match["string"])
            return lambda row: text
        if match["number"]:
            if match["unit"]:
                raise QueryError(
                    f"unexpected symbol found {match[0].strip()!r}: a period is for bin and datefloor"
                )
            constant = float(match["number"])
            return lambda row: constant
        name = match["quoted"] or match["name"]
        if match["name"] and self.next_is("("):
            return self._function(name)
        return lambda row: row.get(name)

    def _function(self, name: str) -> Expression:
        self.expect("(")
        known = name.lower()
        if known in PERIODS:
            return self._period(known)
        function = FUNCTIONS.get(known)
        if function is None:
            raise QueryError(f"The local cloud has no function {name}: it has {_names()}.")
        arguments = [] if self.next_is(")") else [self.expression()]
        while self.take(","):
            arguments.append(self.expression())
        self.expect(")")

        def call(row: Row) -> Value:
            try:
                return function(*(each(row) for each in arguments))
            except TypeError as error:
                raise QueryError(f"{name} does not take {len(arguments)} arguments") from error

        return call

    def _period(self, name: str) -> Expression:
        source: Expression = lambda row: row.get("@timestamp")  # noqa: E731 - the default of an expression
        if name != "bin":
            source = self.expression()
            self.expect(",")
        match = self.peek()
        unit = match["unit"] if match else None
        if match is None or unit not in SECONDS:
            raise self.error("a period like 5m")
        self.at = match.end()
        self.expect(")")
        seconds = float(match["number"]) * SECONDS[unit]
        shift = seconds * 1000 - 1 if name == "dateceil" else 0

        def period(row: Row) -> Value:
            value = source(row)
            return None if value is None else floored(float(value) + shift, seconds)

        return period

    def string(self) -> str:
        """Read a text in quotation marks."""
        match = self.peek()
        if match is None or not match["string"]:
            raise self.error("a text in quotation marks")
        self.at = match.end()
        return _unquoted(match["string"])

    def field_name(self) -> str:
        """Read the name of a field."""
        match = self.peek()
        name = (match["quoted"] or match["name"]) if match else None
        if match is None or not name:
            raise self.error("a name")
        self.at = match.end()
        return name


def _either(left: Expression, right: Expression) -> Expression:
    return lambda row: bool(left(row)) or bool(right(row))


def _both(left: Expression, right: Expression) -> Expression:
    return lambda row: bool(left(row)) and bool(right(row))


def _calculation(sign: str, left: Expression, right: Expression) -> Expression:
    return lambda row: arithmetic(sign, left(row), right(row))


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def compiled(text: str) -> re.Pattern[str]:
    """Return a regular expression, or raise what CloudWatch says of one that is not valid."""
    try:
        return re.compile(text)
    except re.error as error:
        raise QueryError(f"the regular expression {text} is not valid: {error}") from error


def _names() -> str:
    return ", ".join(sorted([*FUNCTIONS, *PERIODS]))
