"""Compiles a module so that each statement that runs, and each way that a branch takes, leaves a mark.

A mark is a store into a list of the module: the index of a statement is its line, those of branches follow
the last line. `kennel.checks.recording.report` makes the executed lines and arcs of coverage.py from them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from types import CodeType
from typing import NamedTuple

MARKS = "__kennel_marks__"  # ends in underscores: a class does not mangle it

_Block = list[ast.stmt]
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Branch(NamedTuple):
    """A way out of a line that has several: to the line ``target``, or to all others if that is None."""

    line: int
    target: int | None


class Probed(NamedTuple):
    """A module with its marks; the branches are in the order of theirs."""

    tree: ast.Module
    lines: int
    branches: list[Branch]

    def compile(self, path: str) -> CodeType:
        """Return the code."""
        return compile(ast.fix_missing_locations(self.tree), path, "exec", dont_inherit=True)


def probe(source: bytes, path: str, register: str) -> Probed:
    """Return a module's syntax tree with marks.

    Parameters
    ----------
    register
        The name of a built-in function; the module calls it with its path and the number of its marks, and
        receives the list for them.
    """
    tree = ast.parse(source, path)
    lines = source.count(b"\n") + 1
    marker = _Marker(lines)
    head, rest = _head(tree.body)
    body = [*_marks(_lines(head)), *marker.block(rest)]
    size = lines + 1 + len(marker.branches)
    registration = ast.parse(f"{MARKS} = {register}({path!r}, {size})").body
    tree.body = [*head, *registration, *body]
    return Probed(tree, lines, marker.branches)


class _Marker:
    """Puts marks into the statements of one module."""

    def __init__(self, lines: int) -> None:
        self._first = lines + 1
        self.branches: list[Branch] = []

    def block(self, statements: _Block, marks: Iterable[int] = ()) -> _Block:
        """Return statements, each after its mark, and all after ``marks``."""
        block = _marks(marks)
        for statement in statements:
            block += [*_marks(_lines([statement])), statement]
            self._inside(statement)
        return block

    def _inside(self, statement: ast.stmt) -> None:
        match statement:
            case ast.If() | ast.While() | ast.For() | ast.AsyncFor():
                line = statement.lineno
                taken = self._branch(line, _line(statement.body[0]))
                statement.body = self.block(statement.body, [taken])
                statement.orelse = self.block(statement.orelse, [self._branch(line, None)])
            case ast.Try() | ast.TryStar():
                statement.body = self.block(statement.body)
                ways = self._chain([(each.lineno, each.body) for each in statement.handlers])
                for handler, marks in zip(statement.handlers, ways, strict=True):
                    handler.body = self.block(handler.body, marks)
                statement.orelse = self.block(statement.orelse)
                statement.finalbody = self.block(statement.finalbody)
            case ast.Match():
                self._cases(statement)
            case ast.With() | ast.AsyncWith():
                statement.body = self.block(statement.body)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                head, rest = _head(statement.body)
                statement.body = [*head, *self.block(rest)]

    def _cases(self, statement: ast.Match) -> None:
        cases = statement.cases
        ways = self._chain([(case.pattern.lineno, case.body) for case in cases])
        for case, marks in zip(cases, ways, strict=True):
            case.body = self.block(case.body, marks)
        last = cases[-1]
        if last.guard is None and _takes_anything(last.pattern):
            return
        line = last.pattern.lineno
        *before, _ = ways[-1]  # none of the cases fits
        nothing = _marks([*before, self._branch(line, None)])
        cases.append(ast.match_case(ast.MatchAs(), None, nothing))

    def _chain(self, parts: Sequence[tuple[int, _Block]]) -> list[list[int]]:
        """Return the marks of parts of which one is taken, after those before it were not."""
        ways, passed = [], list[int]()
        for index, (line, body) in enumerate(parts):
            passed.append(line)
            ways.append([*passed, self._branch(line, _line(body[0]))])
            if index + 1 < len(parts):
                passed.append(self._branch(line, parts[index + 1][0]))
        return ways

    def _branch(self, line: int, target: int | None) -> int:
        """Return the index of a new branch's mark."""
        self.branches.append(Branch(line, target))
        return self._first + len(self.branches) - 1


def _marks(indices: Iterable[int]) -> _Block:
    """Return the statements that leave these marks."""
    block: _Block = []
    for index in indices:
        name, key = ast.Name(MARKS, ast.Load()), ast.Constant(index)
        block.append(ast.Assign([ast.Subscript(name, key, ast.Store())], ast.Constant(1)))
    return block


def _head(body: _Block) -> tuple[_Block, _Block]:
    """Return what must stay first in a body, a docstring and imports from the future, and the rest."""
    count = 0
    for statement in body:
        match statement:
            case ast.Expr(ast.Constant(str())) if count == 0:
                count += 1
            case ast.ImportFrom(module="__future__"):
                count += 1
            case _:
                break
    return body[:count], body[count:]


def _lines(statements: _Block) -> list[int]:
    """Return the lines that are executed with statements, those of decorators among them."""
    lines = []
    for statement in statements:
        if isinstance(statement, _DEFINITIONS):
            lines += [decorator.lineno for decorator in statement.decorator_list]
        lines.append(statement.lineno)
    return lines


def _line(statement: ast.stmt) -> int:
    return _lines([statement])[0]


def _takes_anything(pattern: ast.pattern) -> bool:
    match pattern:
        case ast.MatchAs(pattern=None):
            return True
        case ast.MatchAs(pattern=ast.pattern() as inner):
            return _takes_anything(inner)
        case ast.MatchOr():
            return _takes_anything(pattern.patterns[-1])
    return False
