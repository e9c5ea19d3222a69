"""The error of a picture that cannot be used."""

from __future__ import annotations

from kennel.errors import KennelError


class PictureError(KennelError):
    """A picture that cannot be used; the text says why, without naming the file.

    ``kind`` is ``"format"`` for bytes that are not a JPEG, PNG or WebP, ``"cost"`` for a picture that would
    take too much time or memory to decode, ``"content"`` for one that is damaged or not accepted.
    """

    def __init__(self, message: str, kind: str = "content") -> None:
        super().__init__(message)
        self.kind = kind
