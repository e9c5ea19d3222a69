"""Encoded pictures: safe, fast decoding of JPEG, PNG and WebP. Ships in every release and training job."""

from __future__ import annotations

from kennel.pictures.decoding import (
    DAMAGE,
    FORMATS,
    UNREADABLE_LIMIT,
    Box,
    centre_box,
    decode,
    examine,
    fault,
    on_white,
    open_picture,
    read,
    too_many_unreadable,
)
from kennel.pictures.errors import PictureError
from kennel.pictures.limits import PIXEL_LIMIT, SIDE_LIMIT

__all__ = [
    "DAMAGE",
    "FORMATS",
    "PIXEL_LIMIT",
    "SIDE_LIMIT",
    "UNREADABLE_LIMIT",
    "Box",
    "PictureError",
    "centre_box",
    "decode",
    "examine",
    "fault",
    "on_white",
    "open_picture",
    "read",
    "too_many_unreadable",
]
