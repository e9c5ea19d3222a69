"""Reading a small language token by token: rules of alarms, patterns of logs."""

from __future__ import annotations

import re
from collections.abc import Callable


class Tokens:
    """The tokens of a text, of which one is the present one.

    Attributes
    ----------
    kind
        The name of the present token's group in the pattern, empty at the end of the text.
    lexeme
        The present token, empty at the end of the text.
    at
        Where the present token begins in the text.
    """

    def __init__(
        self, text: str, pattern: re.Pattern[str], unreadable: Callable[[str, int], Exception]
    ) -> None:
        """Go to the first token.

        Parameters
        ----------
        text
            What is read.
        pattern
            Matches one token after optional white space; each alternative is a named group.
        unreadable
            Makes the exception to raise for the rest of a text that begins with no token, and its place.
        """
        self._text, self._pattern, self._unreadable, self._end = text, pattern, unreadable, 0
        self.advance()

    def advance(self) -> None:
        """Go to the next token."""
        matched = self._pattern.match(self._text, self._end)
        if matched:
            self.kind = matched.lastgroup or ""
            self.lexeme, self.at, self._end = matched[self.kind], matched.start(self.kind), matched.end()
        elif self._text[self._end :].strip():
            raise self._unreadable(self._text[self._end :].strip(), self._end)
        else:
            self.kind, self.lexeme, self.at = "", "", len(self._text)
