"""What a JPEG costs to decode by its structure: a thousand scans or segments are few bytes, but much time."""

from __future__ import annotations

import re

# Both as in the model's container, which a test compares. Cameras and editors write about ten scans.
MAXIMUM_SCANS = 100
MAXIMUM_SEGMENTS = 1_000

# A marker: in entropy-coded data no stuffed byte, no restart marker, and no filling before a marker.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_ALONE = (0x01, 0xD8)  # no length follows: a temporary marker, and the start of an image


def excess(jpeg: bytes) -> str:
    """Return what a JPEG has too much of, for a message; empty if nothing.

    Segments are skipped by their lengths: the preview in a camera's metadata is not counted. Nothing is
    read behind the end of the image, as decoders do not.
    """
    scans, position = 0, 2
    for _ in range(MAXIMUM_SEGMENTS):
        marker = _MARKER.search(jpeg, position)
        if not marker:
            return ""
        kind, position = jpeg[marker.end() - 1], marker.end()
        if kind == _END_OF_IMAGE:
            return ""
        if kind in _ALONE:
            continue
        if kind == _START_OF_SCAN:
            scans += 1
            if scans > MAXIMUM_SCANS:
                return f"more than {MAXIMUM_SCANS} scans"
        position += int.from_bytes(jpeg[position : position + 2], "big")
    return f"more than {MAXIMUM_SEGMENTS} segments"
