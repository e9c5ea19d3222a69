"""The commands of Logs Insights queries.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from kennel.localcloud.services.logs.insights_expressions import (
    REGEX,
    Expression,
    ExpressionParser,
    QueryError,
    compiled,
)
from kennel.localcloud.services.logs.insights_values import AGGREGATE_NAMES

COMMENT = re.compile(r"(?m)^\s*#.*$")


@dataclass(frozen=True)
class Named:
    """An expression and the name of its column; an aggregate has the aggregate's name, too."""

    name: str
    value: Expression
    aggregate: str = ""
    percent: float | None = None


@dataclass(frozen=True)
class Command:
    """A command: its name, its expressions, those after ``by``, and its number or pattern."""

    name: str
    columns: list[Named] = field(default_factory=list)
    by: list[Named] = field(default_factory=list)
    descending: list[bool] = field(default_factory=list)
    limit: int = 0
    pattern: re.Pattern[str] | None = None


def parse(text: str) -> list[Command]:
    """Read a query.

    Raises
    ------
    QueryError
        It is not valid, or it has what is not supported here.
    """
    parser = _CommandParser(COMMENT.sub("", text))
    commands = [parser.command()]
    while parser.take("|"):
        commands.append(parser.command())
    if not parser.at_end:
        raise parser.error()
    return commands


class _CommandParser(ExpressionParser):
    def command(self) -> Command:
        """Read a command."""
        match = self.peek()
        name = (match["name"] or "").lower() if match else ""
        reader = _READERS.get(name)
        if match is None or reader is None:
            what = name or self.text[self.at :].strip()[:20]
            raise QueryError(f"The local cloud has no command {what!r}: it has {', '.join(_READERS)}.")
        self.at = match.end()
        return reader(self)

    def read_fields(self) -> Command:
        """Read what follows `fields`."""
        return Command("fields", self._named_list())

    def read_display(self) -> Command:
        """Read what follows `display`."""
        return Command("display", self._named_list())

    def read_filter(self) -> Command:
        """Read what follows `filter`."""
        return Command("filter", [Named("", self.expression())])

    def read_dedup(self) -> Command:
        """Read what follows `dedup`."""
        return Command("dedup", self._named_list())

    def read_limit(self) -> Command:
        """Read what follows `limit`."""
        match = self.peek()
        if match is None or not match["number"] or "." in match["number"] or match["unit"]:
            raise self.error("a number")
        self.at = match.end()
        return Command("limit", limit=int(match["number"]))

    def read_sort(self) -> Command:
        """Read what follows `sort`."""
        columns, descending = [], []
        while True:
            columns.append(Named("", self.expression()))
            descending.append(self.take("asc", "desc") == "desc")
            if not self.take(","):
                return Command("sort", columns, descending=descending)

    def read_stats(self) -> Command:
        """Read what follows `stats`."""
        columns = self._named_list(aggregates=True)
        return Command("stats", columns, self._named_list() if self.take("by") else [])

    def read_parse(self) -> Command:
        """Read what follows `parse`."""
        source = Named("", self.operand())
        regex = REGEX.match(self.text, self.at)
        if regex:
            self.at = regex.end()
            pattern = compiled(regex[1].replace("(?<", "(?P<"))
            if not pattern.groupindex:
                raise QueryError("parse with a regular expression needs named groups")
            return Command("parse", [source], pattern=pattern)
        glob = self.string()
        self.expect("as")
        names = [self.field_name()]
        while self.take(","):
            names.append(self.field_name())
        parts = [re.escape(part) for part in glob.split("*")]
        if len(parts) != len(names) + 1:
            raise QueryError(f"parse has {len(parts) - 1} wildcards and {len(names)} names")
        text = parts[0] + "".join(f"(.*?){part}" for part in parts[1:])
        columns = [source, *(Named(name, lambda row: None) for name in names)]
        return Command("parse", columns, pattern=compiled(text + ("$" if glob.endswith("*") else "")))

    def _named_list(self, *, aggregates: bool = False) -> list[Named]:
        named = [self._named(aggregates)]
        while self.take(","):
            named.append(self._named(aggregates))
        return named

    def _named(self, aggregates: bool) -> Named:
        self.peek()
        start = self.at
        made = self._aggregate() if aggregates else Named("", self.expression())
        name = self.text[start : self.at].strip().strip("`")
        if self.take("as"):
            name = self.field_name()
        return Named(name, made.value, made.aggregate, made.percent)

    def _aggregate(self) -> Named:
        match = self.peek()
        name = (match["name"] or "").lower() if match else ""
        if match is None or name not in AGGREGATE_NAMES:
            raise self.error("one of the aggregates " + ", ".join(sorted(AGGREGATE_NAMES)))
        self.at = match.end()
        self.expect("(")
        if name == "count" and (self.take("*") or self.next_is(")")):
            value: Expression = lambda row: True  # noqa: E731 - one of several expressions
        else:
            value = self.expression()
        percent = None
        if name == "pct":
            self.expect(",")
            percent = float(self.expression()({}))
        self.expect(")")
        return Named("", value, name, percent)


_READERS: dict[str, Callable[[_CommandParser], Command]] = {
    "fields": _CommandParser.read_fields,
    "display": _CommandParser.read_display,
    "filter": _CommandParser.read_filter,
    "dedup": _CommandParser.read_dedup,
    "limit": _CommandParser.read_limit,
    "sort": _CommandParser.read_sort,
    "stats": _CommandParser.read_stats,
    "parse": _CommandParser.read_parse,
}
