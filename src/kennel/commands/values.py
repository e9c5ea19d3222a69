"""What the values of options may be: each kind reads a text, or refuses it with what is allowed.

A task states the kind in the annotation of a parameter: ``top: Annotated[int, Number(1, 1000)] = 5``. A bare
``int`` or ``float`` is a number from 0 on, a bare ``str`` any line of text.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from kennel.classifier.hyperparameters import DECLARED, parse_number


class Value:
    """A kind of value: any text in one line."""

    @property
    def label(self) -> str:
        """What the help shows in place of a value."""
        return "TEXT"

    @property
    def limits(self) -> str:
        """What the help adds: the limits of numbers."""
        return ""

    @property
    def choices(self) -> tuple[str, ...]:
        """All values, for the shell's completion; empty if they are not a few."""
        return ()

    def read(self, text: str) -> Any:
        """Return the value that a text stands for.

        Raises
        ------
        ValueError
            It stands for none; the text says what is allowed.
        """
        if any(unicodedata.category(character) == "Cc" for character in text):
            raise ValueError(f"{text!r} contains a control character; give one line of text")
        return text

    def check(self, value: Any, environment: str) -> None:
        """Check a value that is allowed in some environments only; called before anything is submitted.

        Raises
        ------
        ValueError
            It is not allowed in this environment; the text says what is.
        """


@dataclass(frozen=True)
class Number(Value):
    """A number between two limits, both allowed; a whole number unless ``whole`` is false."""

    least: float = 0
    most: float = math.inf
    whole: bool = True

    @property
    def label(self) -> str:
        """Return ``N``."""
        return "N"

    @property
    def limits(self) -> str:
        """Return ``1 to 5`` or ``from 1``."""
        least = "above 0" if 0 < self.least < 1e-9 else f"{self.least:g}"  # the least of a learning rate
        if self.most < math.inf:
            return f"{least} to {self.most:g}"
        return "any" if self.least == -math.inf else least if least == "above 0" else f"from {least}"

    def read(self, text: str) -> int | float:
        """Return the number."""
        try:
            return parse_number(text, whole=self.whole, least=self.least, most=self.most)
        except ValueError as error:
            raise ValueError(f"{error}; give a {'whole ' * self.whole}number, {self.limits}") from None


class Numbers(Value):
    """Whole numbers between two limits, divided by commas."""

    def __init__(self, least: float, most: float) -> None:
        self._kind = Number(least, most)

    @property
    def label(self) -> str:
        """Return ``N,N,…``."""
        return "N,N,…"

    @property
    def limits(self) -> str:
        """Return those of each number."""
        return self._kind.limits

    def read(self, text: str) -> str:
        """Return the numbers, divided by commas, without spaces."""
        return ",".join(str(self._kind.read(part.strip())) for part in text.split(","))


class Duration(Value):
    """A time span, read as seconds."""

    UNITS: ClassVar[dict[str, int]] = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}

    @property
    def label(self) -> str:
        """Return ``15m``."""
        return "15m"

    def read(self, text: str) -> float:
        """Return the seconds."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
        if not match:
            raise ValueError(f"{text!r} is no time span; give a number and s, m, h or d, such as 90s or 15m")
        return float(match[1]) * self.UNITS[match[2]]


class Port(Number):
    """A port to listen on; 0 stands for any free one."""

    def __init__(self) -> None:
        super().__init__(0, 65535)

    def read(self, text: str) -> int:
        """Return the port's number."""
        try:
            return int(super().read(text))
        except ValueError:
            raise ValueError(f"{text!r} is not a port; give 1024 to 65535, or 0 for any free one") from None


class FilePath(Value):
    """The path of a file to write."""

    @property
    def label(self) -> str:
        """Return ``FILE``."""
        return "FILE"


class Several(Value):
    """One or more values of a kind, one after the other; each is read as a tuple of one."""

    def __init__(self, kind: Value) -> None:
        self._kind = kind

    @property
    def label(self) -> str:
        """Return the kind's."""
        return self._kind.label

    @property
    def choices(self) -> tuple[str, ...]:
        """Return the kind's."""
        return self._kind.choices

    def read(self, text: str) -> tuple[Any, ...]:
        """Return a tuple of one value."""
        return (self._kind.read(text),)


class Choice(Value):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self._words = words

    @property
    def label(self) -> str:
        """Return ``one|two|three``."""
        return "|".join(self._words)

    @property
    def choices(self) -> tuple[str, ...]:
        """The words."""
        return self._words

    def read(self, text: str) -> str:
        """Return the word."""
        if text not in self._words:
            raise ValueError(f"{text!r} is none of them: use one of {', '.join(self._words)}")
        return text


class DatasetName(Value):
    """The name of a data set in the bucket: one folder's name there."""

    @property
    def label(self) -> str:
        """Return ``NAME``."""
        return "NAME"

    def read(self, text: str) -> str:
        """Return the name."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", text):
            raise ValueError(
                f"{text!r} is no name of a data set; use 1 to 63 letters, digits, dots, dashes and "
                "underscores, the first a letter or digit"
            )
        return text


class Hyperparameter(Value):
    """The value of a hyperparameter, as its declaration limits it."""

    def __init__(self, name: str) -> None:
        declaration = DECLARED[name].declaration
        number = Number(declaration.least, declaration.most, whole=declaration.kind is int)
        text = Choice(*declaration.choices) if declaration.choices else Value()
        self._value = text if declaration.kind is str else number

    @property
    def label(self) -> str:
        """Return ``TEXT`` or ``N``."""
        return self._value.label

    @property
    def limits(self) -> str:
        """Return those of the number."""
        return self._value.limits

    @property
    def choices(self) -> tuple[str, ...]:
        """All values, where they are a few words."""
        return self._value.choices

    def read(self, text: str) -> Any:
        """Return the value."""
        return self._value.read(text)


def nearest(word: str, names: Iterable[str]) -> str | None:
    """Return the name that is most like a word, also like a part of it behind a dot; None if none is."""
    known = {name.lower(): name for name in names}
    parts = {name.rpartition(".")[2]: name for name in sorted(known, reverse=True)}
    for candidates, original in (
        (list(known), known),
        (list(parts), {p: known[n] for p, n in parts.items()}),
    ):
        if close := difflib.get_close_matches(word.lower(), candidates, n=1):
            return original[close[0]]
    return None
