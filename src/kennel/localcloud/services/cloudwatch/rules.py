"""The rule language of composite alarms.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from kennel.localcloud.services.tokens import Tokens

STATES = ("ALARM", "OK", "INSUFFICIENT_DATA")
LONGEST_RULE, MOST_ALARMS = 10240, 100
# Names without quotes hold what alarms' ARNs do; any other is quoted.
_TOKEN = re.compile(r'\s*(?:(?P<punctuation>[(),])|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<word>[^\s(),"]+))')

StateOf: TypeAlias = "Callable[[str], str | None]"


class RuleError(ValueError):
    """What is wrong with a rule."""


@dataclass(frozen=True)
class Constant:
    """TRUE or FALSE."""

    value: bool

    def holds(self, state_of: StateOf) -> bool:
        """Return its value."""
        return self.value

    def alarms(self) -> set[str]:
        """Return no names."""
        return set()


@dataclass(frozen=True)
class InState:
    """Whether an alarm is in a state."""

    state: str
    alarm: str

    def holds(self, state_of: StateOf) -> bool:
        """Return whether the alarm is in the state now."""
        return state_of(self.alarm) == self.state

    def alarms(self) -> set[str]:
        """Return the alarm's name."""
        return {self.alarm}


@dataclass(frozen=True)
class AtLeast:
    """Whether so many of some alarms, or such a share of them, are, or are not, in a state."""

    threshold: float
    share: bool
    negated: bool
    members: tuple[InState, ...]

    def holds(self, state_of: StateOf) -> bool:
        """Return whether there are enough of them now."""
        count = sum(member.holds(state_of) != self.negated for member in self.members)
        return count >= (
            math.ceil(self.threshold / 100 * len(self.members)) if self.share else self.threshold
        )

    def alarms(self) -> set[str]:
        """Return the alarms' names."""
        return {member.alarm for member in self.members}


@dataclass(frozen=True)
class Not:
    """The opposite of a rule."""

    rule: Rule

    def holds(self, state_of: StateOf) -> bool:
        """Return whether the rule does not hold."""
        return not self.rule.holds(state_of)

    def alarms(self) -> set[str]:
        """Return the rule's alarms."""
        return self.rule.alarms()


@dataclass(frozen=True)
class Joined:
    """Rules of which all (AND), or any (OR), must hold."""

    every: bool
    rules: tuple[Rule, ...]

    def holds(self, state_of: StateOf) -> bool:
        """Return whether they do."""
        return (all if self.every else any)(rule.holds(state_of) for rule in self.rules)

    def alarms(self) -> set[str]:
        """Return the rules' alarms."""
        return set().union(*(rule.alarms() for rule in self.rules))


Rule: TypeAlias = "Constant | InState | AtLeast | Not | Joined"


def parse(text: str) -> Rule:
    """Return a rule.

    Raises
    ------
    RuleError
        It is not one, or too long.
    """
    if len(text) > LONGEST_RULE:
        raise RuleError(f"Error in AlarmRule [more than {LONGEST_RULE} characters]")
    parser = _Parser(text)
    rule = parser.joined("OR")
    if parser.kind:
        raise parser.unsupported()
    if len(rule.alarms()) > MOST_ALARMS:
        raise RuleError(f"Error in AlarmRule [more than {MOST_ALARMS} alarms]")
    return rule


class _Parser(Tokens):
    def __init__(self, text: str) -> None:
        super().__init__(text, _TOKEN, lambda rest, at: _unsupported(rest[0], at))

    def unsupported(self) -> RuleError:
        if not self.kind:
            return RuleError("Error in AlarmRule [Unexpected end of expression]")
        return _unsupported(self.lexeme, self.at)

    def word(self, *words: str) -> str:
        """Return the present token if it is one of these words, and go on behind it; else an empty string."""
        word = self.lexeme.upper()
        if self.kind != "word" or word not in words:
            return ""
        self.advance()
        return word

    def punctuation(self, sign: str) -> None:
        if self.kind != "punctuation" or self.lexeme != sign:
            raise self.unsupported()
        self.advance()

    def joined(self, conjunction: str) -> Rule:
        operand: Callable[[], Rule] = self.operand if conjunction == "AND" else lambda: self.joined("AND")
        rules = [operand()]
        while self.word(conjunction):
            rules.append(operand())
        return rules[0] if len(rules) == 1 else Joined(conjunction == "AND", tuple(rules))

    def operand(self) -> Rule:
        if self.word("NOT"):
            return Not(self.operand())
        if self.kind == "punctuation" and self.lexeme == "(":
            self.advance()
            rule = self.joined("OR")
            self.punctuation(")")
            return rule
        constant = self.word("TRUE", "FALSE")
        if constant:
            return Constant(constant == "TRUE")
        if self.word("AT_LEAST"):
            return self.at_least()
        state = self.word(*STATES)
        if not state:
            raise self.unsupported()
        self.punctuation("(")
        name = self.name()
        self.punctuation(")")
        return InState(state, name)

    def at_least(self) -> Rule:
        self.punctuation("(")
        matched = re.fullmatch(r"(\d+)(%?)", self.lexeme) if self.kind == "word" else None
        if not matched or not int(matched[1]):
            raise self.unsupported()
        self.advance()
        self.punctuation(",")
        negated = bool(self.word("NOT"))
        state = self.word(*STATES)
        if not state:
            raise self.unsupported()
        self.punctuation(",")
        self.punctuation("(")
        members = [InState(state, self.name())]
        while self.kind == "punctuation" and self.lexeme == ",":
            self.advance()
            members.append(InState(state, self.name()))
        self.punctuation(")")
        self.punctuation(")")
        return AtLeast(int(matched[1]), bool(matched[2]), negated, tuple(members))

    def name(self) -> str:
        """Read an alarm's name, or the name in its ARN."""
        if self.kind not in ("word", "quoted"):
            raise self.unsupported()
        name = re.sub(r"\\(.)", r"\1", self.lexeme)
        self.advance()
        return name_of(name)


def _unsupported(token: str, at: int) -> RuleError:
    return RuleError(f"Error in AlarmRule [Unsupported token '{token}' at char {at}]")


def name_of(alarm: str) -> str:
    """Return the name of an alarm that is given by its name or its ARN."""
    return alarm.split(":alarm:", 1)[1] if alarm.startswith("arn:") and ":alarm:" in alarm else alarm
