"""The language of metric math: an expression as a tree.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<string>\"[^\"]*\"|'[^']*')|(?P<operator>&&|\|\||[=!<>]=|[-+*/^<>(),\[\]]))"
)
# From the loosest to the tightest.
_LEVELS: tuple[dict[str, str], ...] = (
    {"||": "||", "OR": "||"},
    {"&&": "&&", "AND": "&&"},
    {"==": "==", "!=": "!="},
    {"<": "<", ">": ">", "<=": "<=", ">=": ">="},
    {"+": "+", "-": "-"},
    {"*": "*", "/": "/"},
)


class ExpressionError(ValueError):
    """What is wrong with an expression."""


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True)
class Text:
    """A string, as the argument of METRICS, or a word as REPEAT."""

    value: str


@dataclass(frozen=True)
class Reference:
    """The result of another query, by its id, or a word that a function knows."""

    id: str


@dataclass(frozen=True)
class Operation:
    """An operator with its operands, one or two."""

    operator: str
    operands: tuple[Node, ...]


@dataclass(frozen=True)
class Function:
    """A function with its arguments."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Group:
    """Several results, as ``[m1, m2]``."""

    members: tuple[Node, ...]


Node: TypeAlias = "Number | Text | Reference | Operation | Function | Group"


def parse(text: str) -> Node:
    """Return the tree of an expression.

    Raises
    ------
    ExpressionError
        It is not one.
    """
    parser = _Parser(text)
    node = parser.level(0)
    if parser.kind:
        raise ExpressionError(f"Unexpected '{parser.lexeme}' at {parser.at}")
    return node


def references(node: Node) -> set[str]:
    """Return the ids that an expression names."""
    if isinstance(node, Reference):
        return {node.id}
    if isinstance(node, Operation):
        return set().union(*(references(each) for each in node.operands))
    if isinstance(node, Function):
        return set().union(*(references(each) for each in node.arguments))
    return set().union(*(references(each) for each in node.members)) if isinstance(node, Group) else set()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._end = text, 0
        self.advance()

    def advance(self) -> None:
        self.at = self._end
        matched = _TOKEN.match(self._text, self._end)
        if matched:
            self.kind, self._end = matched.lastgroup or "", matched.end()
            self.lexeme = matched[self.kind]
            self.at = matched.start(self.kind)
        elif self._text[self._end :].strip():
            raise ExpressionError(f"Unexpected '{self._text[self._end :].strip()[0]}' at {self._end}")
        else:
            self.kind = self.lexeme = ""

    def expect(self, sign: str) -> None:
        if self.lexeme != sign or self.kind == "string":
            raise ExpressionError(
                f"'{sign}' expected at {self.at}" + (f", not '{self.lexeme}'" if self.lexeme else "")
            )
        self.advance()

    def level(self, number: int) -> Node:
        if number == len(_LEVELS):
            return self.unary()
        node = self.level(number + 1)
        while self.kind in ("operator", "name") and self.lexeme in _LEVELS[number]:
            operator = _LEVELS[number][self.lexeme]
            self.advance()
            node = Operation(operator, (node, self.level(number + 1)))
        return node

    def unary(self) -> Node:
        if self.kind == "operator" and self.lexeme in "-+":
            sign = self.lexeme
            self.advance()
            node = self.unary()
            return Operation("negate", (node,)) if sign == "-" else node
        return self.power()

    def power(self) -> Node:
        base = self.atom()
        if self.kind == "operator" and self.lexeme == "^":
            self.advance()
            return Operation("^", (base, self.unary()))
        return base

    def atom(self) -> Node:
        kind, sign = self.kind, self.lexeme
        if not kind:
            raise ExpressionError("the expression ends too early")
        at = self.at
        self.advance()
        if kind == "number":
            return Number(float(sign))
        if kind == "string":
            return Text(sign[1:-1])
        if kind == "name":
            if self.lexeme == "(" and self.kind == "operator":
                self.advance()
                return Function(sign, self.members(")"))
            return Reference(sign)
        if sign == "(":
            node = self.level(0)
            self.expect(")")
            return node
        if sign == "[":
            return Group(self.members("]"))
        raise ExpressionError(f"Unexpected '{sign}' at {at}")

    def members(self, closing: str) -> tuple[Node, ...]:
        """Read what stands behind an opening bracket, and the closing one."""
        members: list[Node] = []
        while self.lexeme != closing or self.kind != "operator":
            if members:
                self.expect(",")
            members.append(self.level(0))
        self.advance()
        return tuple(members)
