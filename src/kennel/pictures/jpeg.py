"""JPEG: its segments are read, and its scans counted, before libjpeg decodes it.

Each scan of a progressive JPEG costs time for all of its pixels, however few bytes it has: 55 KB with 5,000
scans took 20 s. All that libjpeg does not need is left out: Pillow parses EXIF at a cost that grows with the
square of its size.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from kennel.pictures import exif, limits
from kennel.pictures.errors import PictureError
from kennel.pictures.header import Header

SIGNATURE = b"\xff\xd8\xff"
SCAN_LIMIT = 100  # libjpeg's own progressive script has 10, optimised ones up to some 30
SEGMENT_LIMIT = 1000
WORK_LIMIT = 1_000_000_000  # coefficients that all scans together pass: some 0.7 s
# The next marker: entropy-coded data has FF only before 00 (a stuffed byte) and D0 to D7 (a restart).
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_SOI, _EOI, _SOS, _APP0, _APP1, _APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xEE
_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive
_PROGRESSIVE = 0xC2
# Lossless, hierarchical and arithmetic coding: no camera and no browser writes them.
_RARE_FRAMES = (0xC3, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
_TABLES = (0xC4, 0xDB, 0xDD)  # Huffman and quantisation tables, restart interval
_WITHOUT_LENGTH = (0x01, _SOI, _EOI)
_SCALE = 8  # the smallest size that libjpeg decodes is 1/8


@dataclass
class _Frame:
    width: int
    height: int
    progressive: bool
    sampling: list[tuple[int, int]]
    """Horizontal and vertical sampling factors of the components."""

    @property
    def coefficients(self) -> int:
        """The number of coefficients of all components, padded to whole blocks."""
        across, down = (max(factors) for factors in zip(*self.sampling, strict=True))
        columns, rows = -(-self.width // (8 * across)), -(-self.height // (8 * down))
        return sum(64 * columns * wide * rows * tall for wide, tall in self.sampling)


@dataclass
class _Parts:
    frame: _Frame | None = None
    scans: int = 0
    buffered: bool = False
    orientation: int = 1
    kept: list[bytes | memoryview] = field(default_factory=list)


def read(data: bytes) -> Header:
    """Return a JPEG's header.

    Raises
    ------
    PictureError
        It is damaged, of a rare coding process, or takes too much time or memory to decode.
    """
    parts, view = _Parts(), memoryview(data)
    coded = len(data)  # where the entropy-coded data of the scan before begins, if there is one
    for code, start, end in _segments(data):
        parts.kept.append(view[coded:start])
        _take(parts, code, view[start:end])
        coded = end if code == _SOS else len(data)
        if code == _SOS and not parts.buffered:
            break  # libjpeg decodes this scan and no other; to search a photo for its end takes 1 ms
    parts.kept.append(view[coded:])
    frame = parts.frame
    if not any(parts.kept):
        raise PictureError("not a JPEG, PNG or WebP picture", kind="format")
    if frame is None or not parts.scans:
        raise PictureError("damaged picture: a JPEG that is cut off before its pixels")
    fixed = 2 * frame.coefficients if parts.buffered else 0
    pixel_bytes = 8 if len(frame.sampling) == 4 else 4  # CMYK is converted
    limits.check_memory(fixed + frame.width * frame.height * pixel_bytes // _SCALE**2)
    if parts.scans * frame.coefficients > WORK_LIMIT:
        raise PictureError(
            f"{parts.scans} scans of {frame.width}x{frame.height} pixels take too long to decode", kind="cost"
        )
    head: list[bytes | memoryview] = [SIGNATURE[:2]]
    if parts.orientation != 1:
        block = exif.PREFIX + exif.block(parts.orientation)
        head.append(b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block)
    content = b"".join([*head, *parts.kept])
    return Header("JPEG", frame.width, frame.height, content)


def scans(data: bytes) -> int:
    """Return how many scans a JPEG has, counted up to one more than `SCAN_LIMIT`."""
    count = 0
    for code, *_ in _segments(data):
        count += code == _SOS
        if count > SCAN_LIMIT:
            break
    return count


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment up to the end of the image.

    Between a segment's end and the next one lies a scan's entropy-coded data; elsewhere libjpeg skips it.
    """
    found = _MARKER.search(data, 2)
    for _ in range(SEGMENT_LIMIT):
        if found is None:
            return
        start = found.start()
        code = data[start + 1]
        end = start + 2
        if code not in _WITHOUT_LENGTH:
            if end + 2 > len(data):
                return
            end += int.from_bytes(data[end : end + 2], "big")
        yield code, start, end
        if code == _EOI:
            return
        found = _MARKER.search(data, end)
    raise PictureError(f"damaged picture: a JPEG with more than {SEGMENT_LIMIT} segments")


def _take(parts: _Parts, code: int, segment: memoryview) -> None:
    """Note what a segment says, and keep it if decoding needs it."""
    payload = segment[4:]
    if code == _SOI:
        raise PictureError("damaged picture: a JPEG within a JPEG")
    if code in _RARE_FRAMES:
        raise PictureError("a JPEG of a rare coding process; send a baseline or progressive one")
    if code in _FRAMES:
        if parts.frame is not None:
            raise PictureError("damaged picture: a JPEG with two frames")
        parts.frame = _frame(code, bytes(payload))
    elif code == _SOS:
        parts.scans += 1
        if parts.scans > SCAN_LIMIT:
            raise PictureError(
                f"a JPEG with more than {SCAN_LIMIT} scans; save it as a baseline JPEG", kind="cost"
            )
        if parts.frame is None:
            raise PictureError("damaged picture: a scan before its frame")
        parts.buffered |= parts.frame.progressive or bytes(payload[:1]) != bytes([len(parts.frame.sampling)])
    elif code == _APP1:
        if parts.orientation == 1 and bytes(payload[:6]) == exif.PREFIX:
            parts.orientation = exif.orientation(bytes(payload))
        return
    elif not (
        code in _TABLES
        or code == _EOI
        or (code == _APP0 and bytes(payload[:4]) == b"JFIF")
        or (code == _APP14 and bytes(payload[:5]) == b"Adobe")
    ):
        return
    parts.kept.append(segment)


def _frame(code: int, payload: bytes) -> _Frame:
    """Return what a frame header says.

    Raises
    ------
    PictureError
        It is damaged, or the picture is too large.
    """
    if len(payload) < 6 or len(payload) < 6 + 3 * payload[5] or payload[5] not in (1, 3, 4):
        raise PictureError("damaged picture: a JPEG with an invalid frame header")
    precision, height, width, count = struct.unpack_from(">BHHB", payload)
    if precision != 8:
        raise PictureError(f"a JPEG of {precision} bits; send one of 8")
    limits.check_size(width, height)
    factors = [(payload[7 + 3 * i] >> 4, payload[7 + 3 * i] & 15) for i in range(count)]
    if not all(1 <= factor <= 4 for pair in factors for factor in pair):
        raise PictureError("damaged picture: a JPEG with an invalid sampling factor")
    return _Frame(width, height, code == _PROGRESSIVE, factors)
