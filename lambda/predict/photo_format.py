"""The accepted photo formats, recognised by their first bytes, and what a photo may cost to decode."""

from __future__ import annotations

import jpeg_scans
from http_response import PredictionError

# The endpoint's server refuses bodies over about 6.5 MB; this is a round number safely below.
MAXIMUM_BYTES = 5 * 1024 * 1024


def content_type(photo: bytes) -> str:
    """Return the photo's media type.

    Raises
    ------
    PredictionError
        413 if the photo is too large, 415 if it has none of the formats that the endpoint reads, 422 if it
        would take the endpoint too long.
    """
    if len(photo) > MAXIMUM_BYTES:
        raise too_large()
    if photo.startswith(b"\xff\xd8\xff"):
        if excess := jpeg_scans.excess(photo):
            raise PredictionError(422, f"the JPEG has {excess}: save it again")
        return "image/jpeg"
    if photo.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if photo[:4] == b"RIFF" and photo[8:12] == b"WEBP":
        return "image/webp"
    raise PredictionError(415, "that is not a JPEG, PNG or WebP photo")


def too_large() -> PredictionError:
    """Return the error for a photo over the maximum size."""
    return PredictionError(413, f"the photo is larger than {MAXIMUM_BYTES // 1024 // 1024} MB")
