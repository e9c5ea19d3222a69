"""What is known of an encoded picture before it is decoded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Header:
    """A picture's size, and the bytes to decode.

    Parameters
    ----------
    kind
        ``JPEG``, ``PNG`` or ``WEBP``.
    content
        The picture without metadata and trailing data; the orientation is kept.
    """

    kind: str
    width: int
    height: int
    content: bytes
