"""WebP: its chunks are read before libwebp allocates a canvas, which it does when a picture is opened."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from kennel.pictures import exif, limits
from kennel.pictures.errors import PictureError
from kennel.pictures.header import Header

SIGNATURE, FORM = b"RIFF", b"WEBP"
CHUNK_LIMIT = 100
PIXEL_BYTES = 20  # 16 measured: two canvases of libwebp, Pillow's copy and its picture; and buffers
_ALPHA, _EXIF = 0x10, 0x08  # flags of an extended WebP
_START = b"\x9d\x01\x2a"  # of a lossy key frame
_LOSSLESS = 0x2F


def read(data: bytes) -> Header:
    """Return a WebP's header.

    Raises
    ------
    PictureError
        It is damaged, animated, or takes too much memory to decode.
    """
    pixels: tuple[bytes, memoryview] | None = None
    alpha: memoryview | None = None
    canvas: tuple[int, int] | None = None
    orientation = 1
    for kind, payload in _chunks(data):
        if kind in (b"ANIM", b"ANMF"):
            raise PictureError("animated pictures are not accepted; send one frame")
        if kind == b"VP8X" and len(payload) >= 10:
            canvas = (_number(payload[4:7]) + 1, _number(payload[7:10]) + 1)
            limits.check_size(*canvas)
        elif kind in (b"VP8 ", b"VP8L") and pixels is None:
            pixels = (kind, payload)
        elif kind == b"ALPH" and alpha is None:
            alpha = payload
        elif kind == b"EXIF":
            orientation = exif.orientation(bytes(payload[: 1 << 16]))
    if pixels is None:
        raise PictureError("damaged picture: a WebP without pixels")
    width, height = _size(*pixels)
    limits.check_size(width, height)
    if canvas is not None and canvas != (width, height):
        raise PictureError("damaged picture: a WebP whose canvas has another size")
    limits.check_memory(width * height * PIXEL_BYTES)
    content = _rebuilt(pixels, alpha if pixels[0] == b"VP8 " else None, orientation, (width, height))
    return Header("WEBP", width, height, content)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    view = memoryview(data)[: 8 + int.from_bytes(data[4:8], "little")]
    position = 12
    for _ in range(CHUNK_LIMIT):
        if position + 8 > len(view):
            return
        kind, length = struct.unpack_from("<4sI", view, position)
        end = position + 8 + length
        if end > len(view) or end > len(data):
            raise PictureError("damaged picture: a WebP that is cut off")
        yield kind, view[position + 8 : end]
        position = end + length % 2
    raise PictureError(f"damaged picture: a WebP with more than {CHUNK_LIMIT} chunks")


def _size(kind: bytes, payload: memoryview) -> tuple[int, int]:
    if kind == b"VP8 " and len(payload) >= 10 and payload[3:6] == _START:
        return _number(payload[6:8]) & 0x3FFF, _number(payload[8:10]) & 0x3FFF
    if kind == b"VP8L" and len(payload) >= 5 and payload[0] == _LOSSLESS:
        bits = _number(payload[1:5])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise PictureError("damaged picture: a WebP without a key frame")


def _number(content: memoryview) -> int:
    return int.from_bytes(content, "little")


def _rebuilt(
    pixels: tuple[bytes, memoryview], alpha: memoryview | None, orientation: int, size: tuple[int, int]
) -> bytes:
    """Return a WebP of these parts only."""
    parts = [_chunk(*pixels)]
    flags = 0
    if alpha is not None:
        flags |= _ALPHA
        parts.insert(0, _chunk(b"ALPH", alpha))
    if orientation != 1:
        flags |= _EXIF
        parts.append(_chunk(b"EXIF", exif.block(orientation)))
    if flags:
        lossless_alpha = _ALPHA if pixels[0] == b"VP8L" else 0  # harmless where there is none
        sides = b"".join((side - 1).to_bytes(3, "little") for side in size)
        parts.insert(0, _chunk(b"VP8X", bytes([flags | lossless_alpha, 0, 0, 0]) + sides))
    content = b"".join(parts)
    return SIGNATURE + struct.pack("<I", len(content) + 4) + FORM + content


def _chunk(kind: bytes, payload: memoryview | bytes) -> bytes:
    return kind + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)
