"""What is decoded is what a plain, whole decoding by Pillow gives, in every format, mode and orientation."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from kennel import pictures
from kennel.pictures import exif

RESIZE, CROP = 128, 112


def scene(width: int = 600, height: int = 420) -> Image.Image:
    """Return a picture of smooth colours with some sharp edges."""
    row, column = np.mgrid[0:height, 0:width]
    red = 127 + 120 * np.sin(column / 60)
    green = row * 255 / height
    blue = np.where((column // 100 + row // 100) % 2, 220, 30)
    return Image.fromarray(np.stack([red, green, blue], axis=-1).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def plain(content: bytes) -> np.ndarray:
    """Decode with Pillow alone: the whole picture, upright, on white, then its centre resized."""
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        if image.mode.startswith("I;16"):
            image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
        image = ImageOps.exif_transpose(image)
        if image.has_transparency_data:
            layer = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
        whole = image.convert("RGB")
    box = pictures.centre_box(*whole.size, RESIZE, CROP)
    return np.asarray(whole.resize((CROP, CROP), Image.Resampling.BILINEAR, box=box), np.float32)


def assert_equal(content: bytes, mean: float) -> None:
    """Compare with the plain decoding: the mean difference of all values, of 255."""
    decoded = pictures.read(content, RESIZE, CROP).astype(np.float32)
    assert np.abs(decoded - plain(content)).mean() < mean


def transparent(mode: str = "RGBA") -> Image.Image:
    image = scene()
    column = np.mgrid[0 : image.height, 0 : image.width][1]
    image.putalpha(Image.fromarray((255 * column // image.width).astype(np.uint8)))
    return image.convert(mode)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("quality", [60, 95])
def test_jpeg(mode: str, progressive: bool, quality: int) -> None:
    picture = scene(1200, 840).convert(mode)  # decoded at a quarter of its size
    assert_equal(encoded(picture, "JPEG", progressive=progressive, quality=quality), 1)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_jpeg_of_any_subsampling(subsampling: int) -> None:
    assert_equal(encoded(scene(), "JPEG", subsampling=subsampling), 1)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_png(mode: str) -> None:
    assert_equal(encoded(scene().convert(mode), "PNG"), 0.8)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparent_png(mode: str) -> None:
    assert_equal(encoded(transparent(mode), "PNG"), 0.8)


@pytest.mark.parametrize(("mode", "colour"), [("P", 7), ("RGB", (127, 0, 30)), ("L", 88)])
def test_png_with_one_transparent_colour(mode: str, colour: Any) -> None:
    assert_equal(encoded(scene().convert(mode), "PNG", transparency=colour), 0.8)


def test_png_of_16_bits() -> None:
    grey = np.asarray(scene().convert("L")).astype(np.uint16) * 257
    assert_equal(encoded(Image.fromarray(grey), "PNG"), 0.8)


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
def test_webp(lossless: bool, alpha: bool) -> None:
    picture = transparent() if alpha else scene()
    assert_equal(encoded(picture, "WEBP", lossless=lossless, quality=95), 0.8)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(kind: str, orientation: int) -> None:
    metadata = Image.Exif()
    metadata[0x0112] = orientation
    metadata[0x010E] = "a dog"
    assert_equal(encoded(scene(), kind, exif=metadata, quality=95), 1)


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_is_read_in_both_byte_orders(order: str) -> None:
    metadata = Image.Exif()
    metadata[0x0112] = 6
    metadata.endian = order
    assert exif.orientation(metadata.tobytes()) == 6


def test_an_own_block_states_its_orientation() -> None:
    assert [exif.orientation(exif.block(value)) for value in range(1, 9)] == list(range(1, 9))


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"Exif\0\0",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        exif.block(6)[:14],
        exif.block(9),
        b"XX*\0" + exif.block(6)[4:],
    ],
)
def test_a_damaged_block_has_no_orientation(block: bytes) -> None:
    assert exif.orientation(block) == 1


def test_the_first_of_several_pictures_is_decoded() -> None:
    """A camera's JPEG holds its preview behind the photo, which makes it an MPO."""
    photo = scene()
    both = encoded(photo, "MPO", save_all=True, append_images=[Image.new("RGB", (64, 48))])
    assert Image.open(io.BytesIO(both)).format == "MPO"
    decoded = pictures.read(both, RESIZE, CROP).astype(np.float32)
    assert np.abs(decoded - plain(encoded(photo, "JPEG"))).mean() < 0.8
