"""Photos in other formats than a training reads: found, opened, and written as JPEG."""

from __future__ import annotations

import importlib
import io
import warnings
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from kennel import pictures
from kennel.pictures import PictureError

# Formats of single pictures. Pillow also opens formats that need another program (EPS) or hold no picture.
_CONVERTED = ("AVIF", "BMP", "DIB", "GIF", "JPEG2000", "PPM", "PSD", "QOI", "SGI", "TGA", "TIFF")
DIRECT_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})  # of what a training reads
_HEIF_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_HEIF_PLUGIN = "pillow_heif"
HEIF_NEEDS = "HEIC needs Pillow's plug-in (.venv/bin/python -m pip install pillow-heif), or export it as JPEG"
_PIXEL_LIMIT = 120_000_000  # photos of 108 megapixels exist; larger ones would take too much memory
_LONGEST_SIDE = 4096  # of a photo that is above the limit of a training
_JPEG_QUALITY = 95


@cache
def suffixes() -> frozenset[str]:
    """Return the suffixes of all files that are taken for photos, in lower case."""
    known = (*pictures.FORMATS, *_CONVERTED)
    registered = {suffix for suffix, name in Image.registered_extensions().items() if name in known}
    return frozenset(registered | _HEIF_SUFFIXES)


def is_foreign(path: Path) -> bool:
    """Return whether a photo must be converted for a training, by its name and its first bytes."""
    if path.suffix.lower() not in DIRECT_SUFFIXES or _is_heif(path):
        return True
    try:
        with _opened(path, _CONVERTED):
            return True
    except (pictures.PictureError, Image.DecompressionBombError, *pictures.DAMAGE):
        return False  # a JPEG, PNG or WebP, or no picture at all


def read(path: Path, side: int) -> tuple[np.ndarray, bool]:
    """Return the central square of a photo in any accepted format, and whether it is foreign to a training.

    Returns
    -------
    tuple
        uint8, shape (side, side, 3), RGB; and true if only `as_jpeg` makes it readable for a training.

    Raises
    ------
    PictureError
        The photo cannot be read.
    """
    try:
        return pictures.read(path, side, side), False
    except PictureError as reason:
        return np.asarray(ImageOps.fit(_decoded(path, reason), (side, side), Image.Resampling.BILINEAR)), True


def as_jpeg(path: Path) -> bytes:
    """Return a photo in any accepted format as an upright JPEG without metadata, transparency put on white.

    Of several frames the first is taken, and a photo above the pixel limit of a training is shrunk.

    Raises
    ------
    PictureError
        The photo cannot be read.
    """
    picture = _decoded(path, PictureError("not a picture", kind="format"))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _decoded(path: Path, reason: PictureError) -> Image.Image:
    with _open(path, reason) as image:
        try:
            if image.width * image.height > pictures.PIXEL_LIMIT or max(image.size) > pictures.SIDE_LIMIT:
                image.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))  # a JPEG is then decoded at a fraction
                image.load()
                image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
            image.load()
            return pictures.on_white(ImageOps.exif_transpose(image))
        except pictures.DAMAGE as error:
            raise PictureError(f"damaged picture: {error}") from None


def _open(path: Path, reason: PictureError) -> Image.Image:
    """Open a photo; ``reason`` says why a training cannot, and is raised if that is final."""
    try:
        try:
            image = _opened(path, (*pictures.FORMATS, *_CONVERTED))
        except UnidentifiedImageError:
            if not _is_heif(path):
                raise PictureError("not a picture in a format that Pillow reads", kind="format") from None
            image = _opened(path, (_heif(),))
    except Image.DecompressionBombError:
        raise PictureError(f"more than the {_PIXEL_LIMIT // 10**6} megapixels allowed") from None
    except pictures.DAMAGE:
        raise reason from None
    if image.width * image.height > _PIXEL_LIMIT:
        size = f"{image.width}x{image.height} pixels"
        image.close()
        raise PictureError(f"{size}; at most {_PIXEL_LIMIT // 10**6} megapixels are converted")
    return image


def _opened(path: Path, formats: tuple[str, ...]) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", Image.DecompressionBombWarning
        )  # _PIXEL_LIMIT is lower than Pillow's error
        return Image.open(path, formats=formats)


def _is_heif(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS


def _heif() -> str:
    """Register Pillow's plug-in for HEIC and return the format's name.

    It is optional: its wheels contain x265, which is under the GPL.
    """
    try:
        importlib.import_module(_HEIF_PLUGIN).register_heif_opener()
    except ImportError:
        raise PictureError(HEIF_NEEDS, kind="format") from None
    return "HEIF"
