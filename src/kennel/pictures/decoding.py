"""Encoded pictures: safe, fast decoding of JPEG, PNG and WebP to a square of pixels."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, UnidentifiedImageError

from kennel.pictures.errors import PictureError

FORMATS = ("JPEG", "PNG", "WEBP")
PIXEL_LIMIT = 40_000_000  # 40 megapixels take 120 MB in memory; larger pictures are mistakes or attacks
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
    """Open a picture without decoding its pixels.

    Raises
    ------
    PictureError
        Not a JPEG, PNG or WebP, animated, or of more than `PIXEL_LIMIT` pixels.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes | bytearray) else source
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # PIXEL_LIMIT is lower
            image = Image.open(stream, formats=FORMATS)
    except UnidentifiedImageError:
        raise PictureError("not a JPEG, PNG or WebP picture", kind="format") from None
    except Image.DecompressionBombError:
        raise PictureError(f"more than the {PIXEL_LIMIT // 10**6} megapixels allowed") from None
    except DAMAGE as error:
        raise PictureError(f"damaged picture: {error}") from None
    width, height = image.size
    if width * height > PIXEL_LIMIT:
        raise PictureError(f"{width}x{height} pixels; at most {PIXEL_LIMIT // 10**6} megapixels are allowed")
    # A multi-picture JPEG (MPO, as cameras write) holds a photo and its preview: the first is the photo.
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise PictureError("animated pictures are not accepted; send one frame")
    return image


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
        picture = on_white(image).resize((size, size), Image.Resampling.BILINEAR, box=box)
    except DAMAGE as error:
        raise PictureError(f"damaged picture: {error}") from None
    return np.asarray(picture if turn is None else picture.transpose(turn))


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
