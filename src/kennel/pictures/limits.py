"""What a picture may cost: pixels, sides, memory and scans, known from its headers before it is decoded."""

from __future__ import annotations

from kennel.pictures.errors import PictureError

PIXEL_LIMIT = 50_000_000
SIDE_LIMIT = 30_000  # pixels; Pillow allocates a pointer for each row, and resizing a table for each column
MEMORY_LIMIT = 400_000_000  # bytes that decoding may allocate


def check_size(width: int, height: int) -> None:
    """Refuse a picture without pixels, with too many, or with too long a side.

    Raises
    ------
    PictureError
        The size is refused.
    """
    if width < 1 or height < 1:
        raise PictureError(f"damaged picture: {width}x{height} pixels")
    if width * height > PIXEL_LIMIT:
        raise PictureError(
            f"{width}x{height} pixels; at most {PIXEL_LIMIT // 10**6} megapixels are allowed", kind="cost"
        )
    if max(width, height) > SIDE_LIMIT:
        raise PictureError(f"{width}x{height} pixels; a side may have at most {SIDE_LIMIT}", kind="cost")


def check_memory(size: int) -> None:
    """Refuse a picture that takes more than `MEMORY_LIMIT` bytes to decode.

    Raises
    ------
    PictureError
        It takes more.
    """
    if size > MEMORY_LIMIT:
        raise PictureError(
            f"decoding takes {size // 10**6} MB; at most {MEMORY_LIMIT // 10**6} MB are allowed: "
            "send a smaller picture, or a JPEG",
            kind="cost",
        )
