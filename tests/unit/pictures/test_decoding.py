"""Decoding: right pixels from every format, and a clear refusal of everything hostile."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from kennel import pictures
from kennel.sample_photos import draw as drawing


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def gradient(width: int, height: int) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    return Image.fromarray(np.stack([x * 255 // width, y * 255 // height, 0 * x], 2).astype(np.uint8))


@pytest.mark.parametrize("size", [(1600, 900), (300, 500), (64, 64)])
def test_equals_resize_then_centre_crop(size: tuple[int, int]) -> None:
    image = gradient(*size)
    scale = 64 / min(size)
    whole = image.resize((round(size[0] * scale), round(size[1] * scale)), Image.Resampling.BILINEAR)
    left, top = (whole.width - 56) // 2, (whole.height - 56) // 2
    expected = np.asarray(whole.crop((left, top, left + 56, top + 56)), np.float32)
    for kind in ("JPEG", "PNG", "WEBP"):
        decoded = pictures.read(encoded(image, kind), 64, 56).astype(np.float32)
        assert decoded.shape == (56, 56, 3)
        assert np.abs(decoded - expected).mean() < 3, kind


def test_a_big_jpeg_is_decoded_at_a_fraction_of_its_size() -> None:
    with pictures.open_picture(encoded(gradient(2000, 1600), "JPEG")) as image:
        pictures.decode(image, 224, pictures.centre_box(2000, 1600, 256, 224))
        assert image.size == (500, 400)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation: int) -> None:
    upright = gradient(120, 80)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpose numbers that store it turned
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = pictures.read(encoded(stored, "PNG", exif=exif), 40, 40).astype(np.float32)
    assert np.abs(decoded - pictures.read(encoded(upright, "PNG"), 40, 40)).mean() < 2


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16", "CMYK"])
def test_every_colour_mode_becomes_rgb(mode: str) -> None:
    grey = Image.new("L", (50, 50), 128)
    image = Image.new("I;16", (50, 50), 128 * 257) if mode == "I;16" else grey.convert(mode)
    decoded = pictures.read(encoded(image, "JPEG" if mode == "CMYK" else "PNG"), 32, 32)
    assert decoded.shape == (32, 32, 3)
    if mode != "1":
        assert np.abs(decoded.astype(int) - 128).max() < 5


def test_transparency_is_seen_on_white() -> None:
    assert pictures.read(encoded(Image.new("RGBA", (40, 40), (0, 0, 0, 0)), "PNG"), 32, 32).min() == 255


def bomb() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")


PHOTO = encoded(drawing.photo(0, 1, 128), "JPEG")
FRAMES = [Image.new("RGB", (20, 20), (n, 0, 0)) for n in (0, 120, 240)]
HOSTILE = {
    "text": (b"hello, I am a dog", "format"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "format"),
    "gif": (encoded(FRAMES[0], "GIF"), "format"),
    "tiff": (encoded(FRAMES[0], "TIFF"), "format"),
    "magic only": (PHOTO[:3], "format"),
    "truncated JPEG": (PHOTO[: len(PHOTO) // 2], "content"),
    "truncated PNG": (encoded(drawing.photo(0, 1, 64), "PNG")[:2000], "content"),
    "truncated WebP": (encoded(drawing.photo(0, 1, 64), "WEBP")[:400], "content"),
    "pixel bomb": (bomb(), "cost"),
    "big but below Pillow's own limit": (encoded(Image.new("1", (8000, 7000)), "PNG"), "cost"),
    "animated WebP": (encoded(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]), "content"),
    "animated PNG": (encoded(FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:]), "content"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_are_refused(name: str) -> None:
    body, kind = HOSTILE[name]
    with pytest.raises(pictures.PictureError) as caught:
        pictures.read(body, 64, 64)
    assert kind in ("any", caught.value.kind)
    assert "\n" not in str(caught.value)


def test_noise_in_a_jpeg_is_answered_or_refused_never_fatal() -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(PHOTO)
        for place in rng.integers(0, len(damaged), 12):
            damaged[place] = rng.integers(256)
        try:
            assert pictures.read(bytes(damaged), 64, 64).shape == (64, 64, 3)
        except pictures.PictureError:
            continue
