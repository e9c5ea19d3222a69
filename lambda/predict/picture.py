"""What counts as a photo: its formats, told by their first bytes, and how large one may be."""

from __future__ import annotations

from answer import Refusal

# The endpoint's server refuses bodies of about 6.5 MB; this is a round figure safely below.
LARGEST = 5 * 1024 * 1024


def content_type(photo: bytes) -> str:
    """Return the photo's media type.

    Raises
    ------
    Refusal
        413 if it is too large, 415 if it is none of the formats that the endpoint reads.
    """
    if len(photo) > LARGEST:
        raise too_large()
    if photo.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if photo.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if photo[:4] == b"RIFF" and photo[8:12] == b"WEBP":
        return "image/webp"
    raise Refusal(415, "that is not a JPEG, PNG or WebP photo")


def too_large() -> Refusal:
    """Return the refusal of a photo over the limit."""
    return Refusal(413, f"the photo is larger than {LARGEST // 1024 // 1024} MB")
