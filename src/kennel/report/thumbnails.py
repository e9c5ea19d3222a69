"""Small copies of photos, embedded in the page."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

from kennel import class_names, pictures
from kennel.classifier.data import formats

if TYPE_CHECKING:
    from PIL import Image

GALLERY = 12
SMALL_PIXELS = 160
LARGE_PIXELS = 560


def data_url(photo: Path, pixels: int, quality: int = 66) -> str | None:
    """Return a JPEG of at most ``pixels`` a side as a data URL; None if the photo cannot be used."""
    from PIL import ImageOps

    try:
        with _open(photo) as image:
            image.draft("RGB", (pixels, pixels))
            small = ImageOps.exif_transpose(image).convert("RGB")
            small.thumbnail((pixels, pixels))
    except (pictures.PictureError, OSError, ValueError, SyntaxError):
        return None
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=quality, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _open(photo: Path) -> Image.Image:
    try:
        return pictures.open_picture(photo)
    except pictures.PictureError:  # of a format that is converted before it is sent, or no picture
        return pictures.open_picture(formats.as_jpeg(photo))


def gallery(data: Path) -> list[dict[str, str]]:
    """Return some training photos, one each of classes that are spread evenly: ``name``, ``image``."""
    classes = sorted(path for path in (data / "train").glob("*") if path.is_dir())
    step = max(1, len(classes) // GALLERY)
    tiles = []
    for directory in classes[::step][:GALLERY]:
        photos = sorted(
            path for path in directory.iterdir() if path.suffix.lower() in formats.DIRECT_SUFFIXES
        )
        image = data_url(photos[0], SMALL_PIXELS) if photos else None
        if image:
            tiles.append({"name": class_names.readable(directory.name), "image": image})
    return tiles
