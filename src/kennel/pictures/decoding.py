"""Encoded pictures: safe, fast decoding of JPEG, PNG and WebP to a square of pixels."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, UnidentifiedImageError

from kennel.pictures import jpeg, png, webp
from kennel.pictures.errors import PictureError
from kennel.pictures.header import Header

FORMATS = ("JPEG", "PNG", "WEBP")
UNREADABLE_LIMIT = 0.01


# EXIF orientation (tag 0x0112): how the stored pixels must be turned to be seen upright
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow raises for damaged files.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    OverflowError,
    MemoryError,
    Image.DecompressionBombError,
)

Box = tuple[float, float, float, float]


def open_picture(source: Path | bytes | IO[bytes]) -> Image.Image:
    """Open a picture without decoding its pixels; of its metadata only the orientation is kept.

    Raises
    ------
    PictureError
        Not a JPEG, PNG or WebP, animated, or too costly to decode, see `kennel.pictures.limits`.
    """
    known = examine(_content(source))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # PIXEL_LIMIT is lower
            return Image.open(io.BytesIO(known.content), formats=(known.kind,))
    except UnidentifiedImageError:
        raise PictureError("not a JPEG, PNG or WebP picture", kind="format") from None
    except DAMAGE as error:
        raise PictureError(f"damaged picture: {error}") from None


def examine(content: bytes) -> Header:
    """Return what the headers of a picture say.

    Raises
    ------
    PictureError
        Not a JPEG, PNG or WebP, animated, damaged, or too costly to decode.
    """
    if content.startswith(jpeg.SIGNATURE):
        return jpeg.read(content)
    if content.startswith(png.SIGNATURE):
        return png.read(content)
    if content.startswith(webp.SIGNATURE) and content[8:12] == webp.FORM:
        return webp.read(content)
    raise PictureError("not a JPEG, PNG or WebP picture", kind="format")


def _content(source: Path | bytes | IO[bytes]) -> bytes:
    if isinstance(source, bytes | bytearray):
        return bytes(source)
    if not isinstance(source, Path):
        return source.read()
    try:
        return source.read_bytes()
    except OSError as error:
        raise PictureError(f"damaged picture: {error}") from None


def centre_box(width: int, height: int, resize: int, crop: int) -> Box:
    """Return the part of a picture, in its pixels, that resize-then-centre-crop keeps."""
    side = min(width, height) * crop / resize
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def decode(image: Image.Image, size: int, box: Box) -> np.ndarray:
    """Decode the part ``box`` of an open picture, scaled to ``size`` x ``size``.

    A JPEG is decoded at the smallest of its DCT scales (1/2, 1/4, 1/8) that still has ``size`` pixels across
    the box, which saves most of the time for a camera's photo. The result is upright by EXIF, and transparent
    pixels are put on white.

    Returns
    -------
    numpy.ndarray
        uint8, shape (size, size, 3), RGB.

    Raises
    ------
    PictureError
        The pixel data is damaged or truncated.
    """
    width, height = image.size
    scale = size / min(box[2] - box[0], box[3] - box[1])
    try:
        if scale < 1:
            image.draft("RGB", (math.ceil(width * scale), math.ceil(height * scale)))
        turn = _UPRIGHT.get(image.getexif().get(0x0112, 1))
        image.load()
        shrunk_x, shrunk_y = image.width / width, image.height / height
        box = (box[0] * shrunk_x, box[1] * shrunk_y, box[2] * shrunk_x, box[3] * shrunk_y)
        resized = _resizable(image).resize((size, size), Image.Resampling.BILINEAR, box=box)
        picture = on_white(resized)
    except DAMAGE as error:
        raise PictureError(f"damaged picture: {error}") from None
    return np.asarray(picture if turn is None else picture.transpose(turn))


def _resizable(image: Image.Image) -> Image.Image:
    """Return a picture in a mode that Pillow resizes smoothly; transparency is then weighted by itself.

    What can be is converted after resizing, when there are few pixels.
    """
    if "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode in ("1", "P", "PA", "CMYK", "YCbCr"):
        return image.convert("L" if image.mode == "1" else "RGB")
    return image


def on_white(image: Image.Image) -> Image.Image:
    """Return a picture as RGB, its transparent pixels on white."""
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I"):  # 16-bit grey: Pillow would clip, not scale
        return Image.fromarray(
            (np.asarray(image, dtype=np.float32) / 257).clip(0, 255).astype(np.uint8)
        ).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")


def read(source: Path | bytes, resize: int, crop: int) -> np.ndarray:
    """Return the network's input pixels: the shorter side scaled to ``resize``, the centre ``crop``.

    Returns
    -------
    numpy.ndarray
        uint8, shape (crop, crop, 3), RGB.

    Raises
    ------
    PictureError
        The picture cannot be used.
    """
    with open_picture(source) as image:
        return decode(image, crop, centre_box(*image.size, resize, crop))


def too_many_unreadable(unreadable: int, total: int) -> bool:
    """Return whether too many pictures of a set are unreadable: more than 1 %, and more than one."""
    return unreadable == total or unreadable > max(1, UNREADABLE_LIMIT * total)


def fault(path: Path) -> str | None:
    """Return what is wrong with a picture file, or None."""
    try:
        read(path, 64, 64)
    except PictureError as error:
        return str(error)
    return None
