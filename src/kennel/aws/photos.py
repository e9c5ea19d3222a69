"""A photo as the function takes it: checked here, and made smaller or converted where it must be."""

from __future__ import annotations

import difflib
import io
import math
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from kennel import pictures
from kennel.errors import UsageError

MAXIMUM_BYTES = 5 * 1024 * 1024  # of the function: lambda/predict/photo_format.py, which shares no code
READABLE_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 0)  # Pillow refuses more as a decompression bomb
MEDIA_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
FORMATS_HELP = "give a JPEG, PNG or WebP file"
QUALITY = 90  # of the JPEG that a photo is made into


class PhotoError(UsageError):
    """A photo that cannot be sent; the text names it, says why, and what to do."""


@dataclass(frozen=True)
class Photo:
    """The bytes to send.

    Parameters
    ----------
    note
        What was changed, for the user; empty if these are the file's own bytes.
    """

    content: bytes
    media_type: str
    note: str = ""


def is_address(photo: str) -> bool:
    """Return whether the function fetches the photo itself."""
    return photo.startswith(("https://", "s3://"))


def read(photo: str) -> Photo:
    """Return a photo's bytes, made smaller if it has too many bytes or pixels for the function.

    Raises
    ------
    PhotoError
        There is no such file, or it is not a picture that can be sent.
    """
    path = _file(photo)
    content = path.read_bytes()
    try:
        image = _opened(content)
        reasons = []
        if image.format not in MEDIA_TYPES:
            reasons.append(f"{image.format} is converted")
        if image.width * image.height > pictures.PIXEL_LIMIT:
            allowed = f"{pictures.PIXEL_LIMIT // 10**6} megapixels"
            reasons.append(f"{image.width}x{image.height} pixels are more than the {allowed} allowed")
        elif costly := _cost(content):
            reasons.append(costly)
        if len(content) > MAXIMUM_BYTES:
            size, most = len(content) / 1024**2, MAXIMUM_BYTES // 1024**2
            reasons.append(f"{size:.1f} MB are more than the {most} MB that the function takes")
        if not reasons:
            pictures.read(content, 64, 64)
            return Photo(content, MEDIA_TYPES[str(image.format)])
        return _smaller(image, f"{photo}: {'; '.join(reasons)}")
    except pictures.PictureError as error:
        raise PhotoError(f"{photo} cannot be sent: {error}; {_remedy(error)}") from None


def _file(photo: str) -> Path:
    if "://" in photo:
        raise PhotoError(f"{photo} is no address that the function fetches: use https:// or s3://, or a file")
    path = Path(photo).expanduser()
    if path.is_dir():
        raise PhotoError(f"{photo} is a folder: give one photo in it")
    if not path.exists():
        folder = path.parent if path.parent.is_dir() else Path()
        close = difflib.get_close_matches(path.name, [entry.name for entry in folder.iterdir()], n=1)
        meant = f" (did you mean {folder / close[0]}?)" if close else ""
        raise PhotoError(f"no photo at {photo!r}{meant}: {FORMATS_HELP}")
    if path.is_file() and not path.stat().st_size:
        raise PhotoError(f"{photo} is empty (0 bytes): copy or download it again")
    return path


def _opened(content: bytes) -> Image.Image:
    """Open a picture of any format that Pillow reads, up to its own limit of pixels."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content))
    except Image.DecompressionBombError:
        raise pictures.PictureError(
            f"a decompression bomb or a mistake, it has more than {READABLE_PIXELS // 10**6} megapixels"
        ) from None
    except Image.UnidentifiedImageError:
        raise pictures.PictureError("it is not a picture", kind="format") from None
    except pictures.DAMAGE as error:
        raise pictures.PictureError(f"damaged picture: {error}") from None
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise pictures.PictureError("it is animated")
    return image


def _cost(content: bytes) -> str:
    """Return why a picture takes too much time or memory to decode; empty if it does not."""
    try:
        pictures.examine(content)
    except pictures.PictureError as error:
        if error.kind == "cost":
            return str(error)
    return ""


def _smaller(image: Image.Image, note: str) -> Photo:
    """Return the picture as a JPEG that the function takes, upright, with as many pixels as fit."""
    side = min(max(image.size), int(math.sqrt(pictures.PIXEL_LIMIT)))
    try:
        image.draft("RGB", (side, side))
        picture = pictures.on_white(ImageOps.exif_transpose(image))
    except pictures.DAMAGE as error:
        raise pictures.PictureError(f"damaged picture: {error}") from None
    while True:
        picture.thumbnail((side, side))
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=QUALITY)
        if buffer.tell() <= MAXIMUM_BYTES:
            size = f"{picture.width}x{picture.height} pixels, {buffer.tell() / 1024**2:.1f} MB"
            return Photo(buffer.getvalue(), "image/jpeg", f"{note}: sent as a JPEG of {size}")
        side = int(side * 0.8)


def _remedy(error: pictures.PictureError) -> str:
    if error.kind == "format":
        return FORMATS_HELP
    if "animated" in str(error):
        return "save one frame as a JPEG and give that"
    if "megapixels" in str(error):
        return f"save it with at most {pictures.PIXEL_LIMIT // 10**6} megapixels"
    return "it is damaged or was cut off: copy or download it again"
