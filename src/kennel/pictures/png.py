"""PNG: its chunks are read before zlib inflates any. Text, profiles and other metadata are left out."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from kennel.pictures import exif, limits
from kennel.pictures.errors import PictureError
from kennel.pictures.header import Header

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHUNK_LIMIT = 20_000
_HEADER_LENGTH, _PALETTE_BYTES, _TRANSPARENCY_BYTES = 13, 768, 256
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
# Bytes for a pixel: as Pillow stores it, and as it is converted to be resized; with transparency, also
# multiplied by it.
_OPAQUE = {_GREY: 2, _RGB: 4, _PALETTE: 5}
_TRANSPARENT = {_GREY: 9, _RGB: 12, _PALETTE: 9, _GREY_ALPHA: 8, _RGBA: 8}


def read(data: bytes) -> Header:
    """Return a PNG's header.

    Raises
    ------
    PictureError
        It is damaged, animated, or takes too much memory to decode.
    """
    width = height = colour = 0
    transparent, orientation, has_pixels = False, 1, False
    header: memoryview | bytes = b""
    kept: list[memoryview] = []
    for kind, payload, chunk in _chunks(data):
        if (kind == b"IHDR") == bool(header):
            raise PictureError("damaged picture: a PNG without its header, or with two")
        if kind == b"IHDR":
            width, height, colour = _size(bytes(payload))
            header = chunk
        elif kind == b"acTL" and bytes(payload[:4]) != b"\0\0\0\1":
            raise PictureError("animated pictures are not accepted; send one frame")
        elif kind == b"eXIf":
            orientation = exif.orientation(bytes(payload[: 1 << 16]))
        elif kind in (b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            if len(payload) > {b"PLTE": _PALETTE_BYTES, b"tRNS": _TRANSPARENCY_BYTES}.get(kind, len(payload)):
                raise PictureError(f"damaged picture: a PNG with too long a chunk {kind.decode()}")
            transparent |= kind == b"tRNS"
            has_pixels |= kind == b"IDAT"
            kept.append(chunk)
    if not has_pixels:
        raise PictureError("damaged picture: a PNG without pixels")
    pixel_bytes = _TRANSPARENT[colour] if transparent or colour not in _OPAQUE else _OPAQUE[colour]
    limits.check_memory(width * height * pixel_bytes)
    oriented = [_chunk(b"eXIf", exif.block(orientation))] if orientation != 1 else []
    content = b"".join([SIGNATURE, header, *oriented, *kept])
    return Header("PNG", width, height, content)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, memoryview]]:
    """Yield kind, payload and all bytes of each chunk up to the end of the image; the last may be cut off."""
    view = memoryview(data)
    position = len(SIGNATURE)
    for _ in range(CHUNK_LIMIT):
        if position + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        yield kind, view[position + 8 : end], view[position : end + 4]
        if kind == b"IEND":
            return
        position = end + 4
    raise PictureError(f"damaged picture: a PNG with more than {CHUNK_LIMIT} chunks")


def _size(payload: bytes) -> tuple[int, int, int]:
    if len(payload) != _HEADER_LENGTH:
        raise PictureError("damaged picture: a PNG with an invalid header")
    width, height, _, colour = struct.unpack_from(">IIBB", payload)
    if colour not in _OPAQUE and colour not in _TRANSPARENT:
        raise PictureError("damaged picture: a PNG with an invalid colour type")
    limits.check_size(width, height)
    return width, height, colour


def _chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))
