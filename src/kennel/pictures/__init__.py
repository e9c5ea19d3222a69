"""Encoded pictures: safe, fast decoding of JPEG, PNG and WebP. Ships in every release and training job."""

from __future__ import annotations

from kennel.pictures.decoding import (
    DAMAGE,
    FORMATS,
    PIXEL_LIMIT,
    UNREADABLE_LIMIT,
    Box,
    centre_box,
    decode,
    fault,
    on_white,
    open_picture,
    read,
    too_many_unreadable,
)
from kennel.pictures.errors import PictureError

__all__ = [
    "DAMAGE",
    "FORMATS",
    "PIXEL_LIMIT",
    "UNREADABLE_LIMIT",
    "Box",
    "PictureError",
    "centre_box",
    "decode",
    "fault",
    "on_white",
    "open_picture",
    "read",
    "too_many_unreadable",
]
