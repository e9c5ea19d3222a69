"""Hostile and malformed pictures, the same bytes on every run, and what refusing each of them costs.

Run it with `PYTHONPATH=src .venv/bin/python benchmarks/hostile_pictures.py [--json]`. It decodes every input
in one process and prints a table: how many there are of each kind, how long the slowest takes to be refused,
and how much memory the one that needs most adds to what the process had.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import resource
import struct
import sys
import time
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

JPEG, PNG, WEBP = "image/jpeg", "image/png", "image/webp"
NO_PICTURE = frozenset({400, 415})  # the endpoint sees the header and says 400, the function the bytes: 415
UNUSABLE = frozenset({422})
EITHER = frozenset({400, 415, 422})  # damaged in its first bytes: no picture at all, or an unusable one
SCANS = (101, 200, 500, 1000, 3000, 5000)


class Input(NamedTuple):
    """A request's body, and the statuses that may answer it.

    Parameters
    ----------
    name
        ``kind: what``.
    """

    name: str
    content_type: str
    content: bytes
    expected: frozenset[int]


def inputs() -> Iterator[Input]:
    """Yield all inputs, at least 250; none has more than 2 MB, so that all fit into a function's event."""
    yield from _no_pictures()
    yield from _after_a_signature()
    yield from _cut_off()
    yield from _damaged_jpegs()
    yield from _damaged_pngs()
    yield from _damaged_webps()
    yield from _too_large()
    yield from _scan_bombs()
    yield from _animated()


def disguised() -> Iterator[Input]:
    """Yield pictures that are answered: what is hostile in them, metadata or trailing data, is not read."""
    ok = frozenset({200})
    photo, png = _encoded(_photo(), "JPEG"), _encoded(_photo(), "PNG")
    yield Input("disguised: ZIP after a JPEG", JPEG, photo + b"PK\3\4" + bytes(5000), ok)
    yield Input("disguised: script in a comment", JPEG, _with_segment(photo, 0xFE, b"<script>1</script>"), ok)
    yield Input("disguised: EXIF of overlapping entries", JPEG, _with_exif_bomb(photo), ok)
    for kind in (b"zTXt", b"iCCP"):
        bomb = kind[:4].lower() + b"\0\0" + _inflating()
        yield Input(f"disguised: {kind.decode()} of 50 MB", PNG, _inserted(png, _chunk(kind, bomb)), ok)
    text = b"a\0\1\0\0\0" + _inflating()
    yield Input("disguised: iTXt of 50 MB", PNG, _inserted(png, _chunk(b"iTXt", text)), ok)
    entries = _overlapping_exif(60_000, 1_000_000)
    yield Input("disguised: eXIf of overlapping entries", PNG, _inserted(png, _chunk(b"eXIf", entries)), ok)


# Pictures to start from


def _photo(width: int = 160, height: int = 120, mode: str = "RGB") -> Image.Image:
    row, column = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(7).integers(0, 40, (height, width))
    pixels = np.stack([row + noise, column + noise, (row * column) // 64 + noise], axis=-1) % 256
    return Image.fromarray(pixels.astype(np.uint8)).convert(mode)


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _segment(code: int, payload: bytes) -> bytes:
    return bytes([0xFF, code]) + struct.pack(">H", len(payload) + 2) + payload


def _with_segment(jpeg: bytes, code: int, payload: bytes) -> bytes:
    return jpeg[:2] + _segment(code, payload) + jpeg[2:]


def _frame(width: int, height: int, code: int = 0xC0, precision: int = 8, components: int = 3) -> bytes:
    parts = b"".join(bytes([i + 1, 0x11, 0]) for i in range(components))
    return _segment(code, struct.pack(">BHHB", precision, height, width, components) + parts)


def _chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def _inserted(png: bytes, chunk: bytes) -> bytes:
    """Put a chunk behind a PNG's header, which ends at byte 33."""
    return png[:33] + chunk + png[33:]


def _png(width: int, height: int, depth: int = 8, colour: int = 2, pixels: bytes = bytes(10_000)) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return _png_of(_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(pixels)), _chunk(b"IEND", b""))


def _png_of(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        kind + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)
        for kind, payload in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _lossless(width: int, height: int, rest: bytes = bytes(20)) -> bytes:
    return b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + rest


def _lossy(width: int, height: int, rest: bytes = bytes(20)) -> bytes:
    return b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height) + rest


def _canvas(width: int, height: int, flags: int = 0) -> bytes:
    return bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


@cache
def _inflating() -> bytes:
    """Return the zlib stream of 50 MB of zeros."""
    return zlib.compress(bytes(50_000_000), 9)


def _overlapping_exif(entries: int, size: int) -> bytes:
    """Return an EXIF block whose entries all point at the same ``size`` bytes."""
    entries = min(entries, 65_535)
    table = b"".join(struct.pack("<HHII", 40_000 + i % 20_000, 7, size, 8) for i in range(entries))
    block = struct.pack("<4sIH", b"II*\0", 8, entries) + table + bytes(4)
    return block + bytes(max(0, size + 8 - len(block)))


def _with_exif_bomb(jpeg: bytes) -> bytes:
    block = _overlapping_exif(5000, 65_000)[:65_000]
    return _with_segment(jpeg, 0xE1, b"Exif\0\0" + block)


# What is no picture


def _no_pictures() -> Iterator[Input]:
    image = _photo(40, 30)
    texts = {
        "a line of text": b"hello, I am a dog",
        "one byte": b"x",
        "a zero": b"\0",
        "JSON": b'{"url": "https://example.com/dog.jpg"}',
        "HTML": b"<!DOCTYPE html><html><body><img src=dog.jpg></body></html>",
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        "SVG with an entity bomb": b'<!DOCTYPE s [<!ENTITY a "aaaaaaaa">]><svg>' + b"&a;" * 5000 + b"</svg>",
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        "PDF": b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF",
        "a shell script": b"#!/bin/sh\ncat /etc/passwd\n",
        "PHP": b"<?php system($_GET['c']); ?>",
        "a pickle": b"\x80\x04\x95\x1b\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
        "base64 of a JPEG": b"/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoM",
        "a data URL": b"data:image/jpeg;base64,/9j/4AAQSkZJRgABAQEASABIAAD/2wBD",
        "a multipart form": b'--x\r\nContent-Disposition: form-data; name="f"\r\n\r\n\xff\xd8\xff\r\n--x--',
        "UTF-16": "hello".encode("utf-16"),
        "ELF": b"\x7fELF\x02\x01\x01" + bytes(300),
        "a Windows program": b"MZ\x90\0" + bytes(300),
        "Java bytecode": b"\xca\xfe\xba\xbe" + bytes(60),
        "WebAssembly": b"\0asm\x01\0\0\0",
        "gzip": b"\x1f\x8b\x08\0" + bytes(50),
        "ZIP": b"PK\x03\x04" + bytes(100),
        "7z": b"7z\xbc\xaf\x27\x1c" + bytes(50),
        "zstd": b"\x28\xb5\x2f\xfd" + bytes(50),
        "tar": b"photo.jpg" + bytes(503),
        "NumPy array": b"\x93NUMPY\x01\0v\0{'descr': '|u1', 'shape': (224, 224, 3)}",
        "MP4": b"\0\0\0\x18ftypmp42" + bytes(60),
        "HEIC": b"\0\0\0\x18ftypheic" + bytes(60),
        "AVIF": b"\0\0\0\x1cftypavif" + bytes(60),
        "JPEG XL": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(60),
        "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60),
        "JPEG XR": b"II\xbc\x01" + bytes(60),
        "Photoshop": b"8BPS\0\x01" + bytes(60),
        "Windows metafile": b"\xd7\xcd\xc6\x9a" + bytes(60),
        "Windows icon": b"\0\0\x01\0\x01\0" + bytes(60),
        "QOI": b"qoif" + bytes(60),
        "FITS": b"SIMPLE  =                    T" + bytes(60),
        "Radiance": b"#?RADIANCE\n\n-Y 9 +X 9\n" + bytes(60),
        "WAVE in RIFF": b"RIFF\x24\0\0\0WAVEfmt " + bytes(30),
        "AVI in RIFF": b"RIFF\x24\0\0\0AVI LIST" + bytes(30),
        "MNG": b"\x8aMNG\r\n\x1a\n" + bytes(60),
        "JNG": b"\x8bJNG\r\n\x1a\n" + bytes(60),
        "zeros": bytes(100_000),
        "ones": b"\xff" * 100_000,
        "JPEG's signature, second": b"\0\xff\xd8\xff" + bytes(60),
        "PNG's signature by ASCII transfer": b"\x89PNG\n\x1a\n" + bytes(60),
        "PNG's signature without its first bit": b"\x09PNG\r\n\x1a\n" + bytes(60),
    }
    for name, content in texts.items():
        yield Input(f"no picture: {name}", JPEG, content, NO_PICTURE)
    for kind in ("GIF", "BMP", "TIFF", "PPM", "ICO", "PCX", "TGA", "SGI", "DDS", "MSP"):
        source = image.convert("1") if kind == "MSP" else image
        yield Input(f"no picture: {kind}", JPEG, _encoded(source, kind), NO_PICTURE)
    jpeg = _encoded(image, "JPEG")
    prefixes = {
        "PDF": b"%PDF-1.7\n",
        "ZIP": b"PK\x03\x04",
        "GIF": b"GIF89a",
        "HTML": b"<html>",
        "a line": b"\n",
    }
    for name, prefix in prefixes.items():
        yield Input(f"no picture: {name} before a JPEG", JPEG, prefix + jpeg, NO_PICTURE)
    chance = random.Random(1)  # noqa: S311 - no secrets
    for number in range(12):
        content = b"\x01" + chance.randbytes(1 << number)
        yield Input(
            f"no picture: {len(content)} random bytes", (JPEG, PNG, WEBP)[number % 3], content, NO_PICTURE
        )


def _after_a_signature() -> Iterator[Input]:
    """Yield what begins as a picture and goes on with random bytes, zeros, text, or nothing."""
    chance = random.Random(2)  # noqa: S311 - no secrets
    signatures = {JPEG: b"\xff\xd8\xff", PNG: b"\x89PNG\r\n\x1a\n", WEBP: b"RIFF\x00\x10\0\0WEBP"}
    for kind, signature in signatures.items():
        for number in range(10):
            content = signature + chance.randbytes(4 << number)
            yield Input(f"signature: {kind}, {4 << number} random bytes", kind, content, EITHER)
        for name, rest in {
            "nothing": b"",
            "zeros": bytes(9999),
            "ones": b"\xff" * 9999,
            "text": b"dog " * 99,
        }.items():
            yield Input(f"signature: {kind}, {name}", kind, signature + rest, EITHER)


def _cut_off() -> Iterator[Input]:
    """Yield pictures of every kind, cut off at several places before their end."""
    whole = {
        "JPEG": (JPEG, _encoded(_photo(), "JPEG")),
        "progressive JPEG": (JPEG, _encoded(_photo(), "JPEG", progressive=True)),
        "grey JPEG": (JPEG, _encoded(_photo(mode="L"), "JPEG")),
        "CMYK JPEG": (JPEG, _encoded(_photo(mode="CMYK"), "JPEG")),
        "large JPEG": (JPEG, _encoded(_photo(1600, 1200), "JPEG")),
        "PNG": (PNG, _encoded(_photo(), "PNG")),
        "transparent PNG": (PNG, _encoded(_photo(mode="RGBA"), "PNG")),
        "palette PNG": (PNG, _encoded(_photo(mode="P"), "PNG")),
        "WebP": (WEBP, _encoded(_photo(), "WEBP")),
        "lossless WebP": (WEBP, _encoded(_photo(), "WEBP", lossless=True)),
    }
    for name, (kind, content) in whole.items():
        for share in (0.02, 0.1, 0.3, 0.5, 0.7, 0.8):
            cut = content[: int(len(content) * share)]
            yield Input(f"cut off: {name} at {share:.0%}", kind, cut, EITHER)


# Damage


def _damaged_jpegs() -> Iterator[Input]:
    photo = _encoded(_photo(), "JPEG")
    frame, scan = photo.index(b"\xff\xc0"), photo.index(b"\xff\xda")
    tables = photo[2:frame]

    def with_frame(content: bytes) -> bytes:
        end = frame + 2 + int.from_bytes(photo[frame + 2 : frame + 4], "big")
        return photo[:frame] + content + photo[end:]

    def patched(at: int, value: int) -> bytes:
        return photo[:at] + bytes([value]) + photo[at + 1 :]

    damaged = {
        "without a frame": with_frame(b""),
        "two frames": with_frame(photo[frame : frame + 19] * 2),
        "a scan before its frame": photo[:2] + photo[scan:],
        "a JPEG in its header": photo[:2] + photo,
        "no width": with_frame(_frame(0, 120)),
        "no height": with_frame(_frame(160, 0)),
        "no components": with_frame(_frame(160, 120, components=0)),
        "two components": with_frame(_frame(160, 120, components=2)),
        "five components": with_frame(_frame(160, 120, components=5)),
        "255 components": with_frame(_frame(160, 120, components=255)),
        "12 bits": with_frame(_frame(160, 120, precision=12)),
        "0 bits": with_frame(_frame(160, 120, precision=0)),
        "a short frame": with_frame(_segment(0xC0, b"\x08\0\x78")),
        "sampling of 0": patched(frame + 11, 0x00),
        "sampling of 15": patched(frame + 11, 0xFF),
        "an unknown quantisation table": patched(frame + 12, 9),
        "an unknown Huffman table": patched(scan + 6, 0x77),
        "a scan of an unknown component": patched(scan + 5, 99),
        "a scan of nine components": patched(scan + 4, 9),
        "no tables": photo[:2] + photo[frame:],
        "quantisation tables only": photo[:2] + tables + b"\xff\xd9",
        "a scan without its data": photo[: scan + 14],
        "a segment of length 0": photo[:2] + b"\xff\xe3\0\0" + photo[2 : scan - 100],
        "a segment beyond the end": photo[:scan] + b"\xff\xfe\xff\xff" + photo[scan : scan + 50],
        "end before the start": photo[:2] + b"\xff\xd9" + photo[2:],
        "2,000 comments": photo[:2] + _segment(0xFE, b"") * 2000 + photo[2:],
        "500,000 comments": photo[:2] + _segment(0xFE, b"") * 500_000 + photo[2:],
    }
    for code in (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF):
        damaged[f"coding process {code - 0xC0}"] = with_frame(_frame(160, 120, code))
    for name, content in damaged.items():
        yield Input(f"JPEG: {name}", JPEG, content, EITHER)


def _damaged_pngs() -> Iterator[Input]:
    photo = _encoded(_photo(), "PNG")
    header, end = photo[8:33], _chunk(b"IEND", b"")
    pixels = _chunk(b"IDAT", zlib.compress(bytes(121 * 160 * 3)))
    palette = _chunk(b"IHDR", struct.pack(">IIBBBBB", 160, 120, 8, 3, 0, 0, 0))

    def described(*values: int) -> bytes:
        return _png_of(_chunk(b"IHDR", struct.pack(">IIBBBBB", *values)), pixels, end)

    wrong = photo[:40] + bytes([photo[40] ^ 0xFF]) + photo[41:]
    damaged = {
        "a wrong checksum of the header": photo[:29] + b"\0\0\0\0" + photo[33:],
        "inverted pixels": wrong,
        "without a header": _png_of(pixels, end),
        "two headers": _png_of(header, header, pixels, end),
        "pixels before the header": _png_of(pixels, header, end),
        "a short header": _png_of(_chunk(b"IHDR", bytes(5)), pixels, end),
        "without pixels": _png_of(header, end),
        "the end first": _png_of(end, header, pixels),
        "no width": described(0, 120, 8, 2, 0, 0, 0),
        "no height": described(160, 0, 8, 2, 0, 0, 0),
        "a negative width": described(2**32 - 1, 120, 8, 2, 0, 0, 0),
        "a negative height": described(160, 2**31, 8, 2, 0, 0, 0),
        "3 bits": described(160, 120, 3, 2, 0, 0, 0),
        "255 bits": described(160, 120, 255, 2, 0, 0, 0),
        "colour type 1": described(160, 120, 8, 1, 0, 0, 0),
        "colour type 255": described(160, 120, 8, 255, 0, 0, 0),
        "filter method 9": described(160, 120, 8, 2, 0, 9, 0),
        "a palette of 300 colours": _png_of(palette, _chunk(b"PLTE", bytes(900)), pixels, end),
        "transparency of 1 MB": _png_of(header, _chunk(b"tRNS", bytes(1 << 20)), pixels, end),
        "pixels that are no zlib stream": _png_of(header, _chunk(b"IDAT", b"no zlib stream"), end),
        "filter type 9": _png_of(header, _chunk(b"IDAT", zlib.compress(b"\x09" * 121 * 481)), end),
        "a chunk of 4 GB": _png_of(header, b"\xff\xff\xff\xffIDAT" + bytes(1000)),
        "a chunk of 2 GB": _png_of(header, b"\x7f\xff\xff\xffIDAT" + bytes(1000)),
        "150,000 empty chunks": _png_of(header, _chunk(b"IDAT", b"") * 150_000, pixels, end),
        "150,000 texts": _png_of(header, _chunk(b"tEXt", b"") * 150_000, pixels, end),
        "a text of 50 MB, no pixels": _png_of(header, _chunk(b"zTXt", b"a\0\0" + _inflating()), end),
        "a profile of 50 MB, no pixels": _png_of(header, _chunk(b"iCCP", b"a\0\0" + _inflating()), end),
    }
    for name, content in damaged.items():
        yield Input(f"PNG: {name}", PNG, content, EITHER)


def _damaged_webps() -> Iterator[Input]:
    chance = random.Random(3)  # noqa: S311 - no secrets
    lossy, lossless = _encoded(_photo(), "WEBP"), _encoded(_photo(), "WEBP", lossless=True)
    damaged = {
        "no chunks": _webp(),
        "an unknown chunk": _webp((b"XXXX", bytes(100))),
        "a canvas only": _webp((b"VP8X", _canvas(160, 120))),
        "transparency only": _webp((b"VP8X", _canvas(160, 120, 16)), (b"ALPH", bytes(50))),
        "an empty picture": _webp((b"VP8 ", b"")),
        "an empty lossless picture": _webp((b"VP8L", b"")),
        "no key frame": _webp((b"VP8 ", b"\x11" + bytes(60))),
        "no lossless signature": _webp((b"VP8L", bytes(60))),
        "a key frame without data": _webp((b"VP8 ", _lossy(160, 120))),
        "no width": _webp((b"VP8 ", _lossy(0, 120))),
        "random pixels": _webp((b"VP8L", _lossless(160, 120, chance.randbytes(2000)))),
        "a chunk of 4 GB": b"RIFF\x40\0\0\0WEBPVP8 \xff\xff\xff\xff" + bytes(52),
        "500 chunks": _webp(*[(b"XMP ", b"a")] * 500),
        "another canvas": _webp((b"VP8X", _canvas(9, 9)), (b"VP8 ", lossy[20:])),
        "a canvas of 2^48 pixels": _webp((b"VP8X", _canvas(1 << 24, 1 << 24)), (b"VP8 ", lossy[20:])),
        "lossless data as lossy": _webp((b"VP8 ", lossless[20:])),
    }
    for name, content in damaged.items():
        yield Input(f"WebP: {name}", WEBP, content, EITHER)


# Cost


def _too_large() -> Iterator[Input]:
    """Yield pictures whose headers say that decoding would take too much memory."""
    photo = _encoded(_photo(), "JPEG")
    frame = photo.index(b"\xff\xc0")
    for width, height in ((65_500, 65_500), (30_001, 100), (100, 30_001), (7_072, 7_072), (25_000, 2_001)):
        content = photo[:frame] + _frame(width, height) + photo[frame + 19 :]
        yield Input(f"too large: JPEG of {width}x{height}", JPEG, content, UNUSABLE)
        yield Input(f"too large: PNG of {width}x{height}", PNG, _png(width, height), UNUSABLE)
    for width, height in ((1, 40_000_000), (40_000_000, 1), (2**31 - 1, 2**31 - 1), (50_000, 50_000)):
        yield Input(f"too large: PNG of {width}x{height}", PNG, _png(width, height), UNUSABLE)
    for depth, colour in ((1, 0), (16, 0), (8, 3), (8, 4), (16, 6)):
        content = _png(8_000, 8_000, depth, colour)
        yield Input(f"too large: PNG of {depth} bits, colour type {colour}", PNG, content, UNUSABLE)
    transparent = _inserted(_png(7_000, 7_000), _chunk(b"tRNS", bytes(6)))
    yield Input("too large: PNG of 49 megapixels with a transparent colour", PNG, transparent, UNUSABLE)
    for width, height in ((16_383, 16_383), (16_383, 4_000), (5_000, 5_000), (4_600, 4_600)):
        lossless, lossy = _webp((b"VP8L", _lossless(width, height))), _webp((b"VP8 ", _lossy(width, height)))
        yield Input(f"too large: lossless WebP of {width}x{height}", WEBP, lossless, UNUSABLE)
        yield Input(f"too large: WebP of {width}x{height}", WEBP, lossy, UNUSABLE)


def _scan_bombs() -> Iterator[Input]:
    """Yield progressive JPEGs of many scans, each of which passes over all pixels, and sequential ones."""
    for side in (256, 1000, 2000):
        photo = _encoded(Image.new("RGB", (side, side), (90, 20, 200)), "JPEG", progressive=True)
        last = photo.rindex(b"\xff\xda")
        for count in SCANS:
            scan = photo[last:-2]
            content = photo[:last] + scan * min(count, 2_000_000 // len(scan)) + b"\xff\xd9"
            yield Input(f"scans: {count} of {side}x{side} pixels", JPEG, content, UNUSABLE)
    grey = _encoded(Image.new("L", (64, 64)), "JPEG")
    scan = grey[grey.index(b"\xff\xda") : -2]
    yield Input("scans: 1,000 of a sequential JPEG", JPEG, grey[:-2] + scan * 1000 + b"\xff\xd9", UNUSABLE)
    small = _encoded(Image.new("RGB", (64, 64)), "JPEG", progressive=True, subsampling=0)
    frame, last = small.index(b"\xff\xc2"), small.rindex(b"\xff\xda")
    content = (
        small[:frame] + _frame(7000, 7000, 0xC2) + small[frame + 19 : last] + small[last:-2] * 7 + b"\xff\xd9"
    )
    yield Input("scans: 16 of 49 megapixels", JPEG, content, UNUSABLE)


def _animated() -> Iterator[Input]:
    frames = [Image.new("RGB", (20, 20), (number, 0, 0)) for number in (0, 120, 240)]
    for kind, content_type in (("PNG", PNG), ("WEBP", WEBP)):
        for count in (2, 3):
            options = {"save_all": True, "append_images": frames[1:count]}
            content = _encoded(frames[0], kind, **options)
            yield Input(f"animated: {kind} of {count} frames", content_type, content, UNUSABLE)
    still = _encoded(frames[0], "PNG")
    bomb = _inserted(still, _chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)))
    yield Input("animated: PNG that claims 2^31 frames", PNG, bomb, UNUSABLE)
    frame = bytes(6) + b"\x13\0\0\x13\0\0" + bytes(4) + b"VP8L" + struct.pack("<I", 25) + _lossless(20, 20)
    content = _webp((b"VP8X", _canvas(20, 20, 2)), (b"ANIM", bytes(6)), *[(b"ANMF", frame)] * 90)
    yield Input("animated: WebP of 90 damaged frames", WEBP, content, UNUSABLE)


# Measurement


class Measured(NamedTuple):
    """What one input cost: milliseconds, and megabytes that were newly used."""

    name: str
    milliseconds: float
    megabytes: float


def measure() -> list[Measured]:
    """Decode every input in this process.

    Raises
    ------
    SystemExit
        An input is accepted that must be refused, or the reverse.
    """
    from kennel import pictures

    rows = []
    pictures.read(_encoded(_photo(1600, 1200), "JPEG"), 256, 224)  # loads Pillow's plugins
    for item in [*inputs(), *disguised()]:
        before = _peak(anew=True)
        begin = time.perf_counter()
        try:
            pictures.read(item.content, 256, 224)
            refused = False
        except pictures.PictureError:
            refused = True
        seconds = time.perf_counter() - begin
        if refused == (200 in item.expected):
            raise SystemExit(f"{item.name}: {'refused' if refused else 'accepted'}")
        rows.append(Measured(item.name, 1000 * seconds, _peak() - before))
    return rows


def _peak(anew: bool = False) -> float:
    """Return the most memory that this process has used, in MB; on Linux since it was last asked ``anew``."""
    if not sys.platform.startswith("linux"):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
    if anew:
        Path("/proc/self/clear_refs").write_text("5")  # sets the peak to what is used now
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:"))


def main() -> None:
    """Print what refusing costs, by kind of input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--write", type=Path, metavar="DIR", help="write the inputs as files instead")
    arguments = parser.parse_args()
    if arguments.write:
        arguments.write.mkdir(parents=True, exist_ok=True)
        for number, item in enumerate([*inputs(), *disguised()]):
            (arguments.write / f"{number:03d}").write_bytes(item.content)
        return
    rows = measure()
    kinds: dict[str, list[Measured]] = {}
    for row in rows:
        kinds.setdefault(row.name.partition(":")[0], []).append(row)
    table = [
        {
            "kind": kind,
            "inputs": len(members),
            "slowest_ms": round(max(row.milliseconds for row in members), 1),
            "memory_mb": round(max(row.megabytes for row in members), 1),
        }
        for kind, members in kinds.items()
    ]
    if arguments.json:
        print(json.dumps({"inputs": len(rows), "kinds": table}))
        return
    print(f"{'kind':12}{'inputs':>8}{'slowest, ms':>14}{'memory, MB':>12}")
    for entry in table:
        print(f"{entry['kind']:12}{entry['inputs']:8}{entry['slowest_ms']:14}{entry['memory_mb']:12}")


if __name__ == "__main__":
    main()
