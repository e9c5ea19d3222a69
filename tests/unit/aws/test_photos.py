"""Photos as the function takes them: refused with the reason, or made smaller, and said so."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kennel import pictures
from kennel.aws import photos

ROOT = Path(__file__).resolve().parents[3]


def noise(width: int, height: int) -> Image.Image:
    """Return a picture that no format compresses well."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def written(path: Path, picture: Image.Image, **settings: int) -> str:
    picture.save(path, **settings)
    return str(path)


def test_the_size_limit_is_the_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "lambda" / "predict"))
    import photo_format

    assert photos.MAXIMUM_BYTES == photo_format.MAXIMUM_BYTES
    sys.modules.pop("photo_format")


def test_a_photo_within_the_limits_is_sent_as_it_is(tmp_path: Path) -> None:
    path = written(tmp_path / "dog.png", noise(80, 60))

    photo = photos.read(path)

    assert (photo.content, photo.media_type, photo.note) == (Path(path).read_bytes(), "image/png", "")


def test_a_photo_over_the_size_limit_is_made_smaller_and_says_so(tmp_path: Path) -> None:
    path = written(tmp_path / "dog.jpg", noise(2600, 1800), quality=98)
    assert Path(path).stat().st_size > photos.MAXIMUM_BYTES

    photo = photos.read(path)

    assert len(photo.content) <= photos.MAXIMUM_BYTES
    assert "MB are more than the 5 MB that the function takes: sent as a JPEG of" in photo.note
    assert Image.open(io.BytesIO(photo.content)).size[0] > 1000


def test_a_phones_photo_of_too_many_pixels_is_made_smaller_upright(tmp_path: Path) -> None:
    large = Image.new("RGB", (8100, 6200), "teal")  # 50.2 megapixels
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "dog.jpg"
    large.save(path, exif=exif)

    photo = photos.read(str(path))

    sent = Image.open(io.BytesIO(photo.content))
    assert sent.width * sent.height <= pictures.PIXEL_LIMIT
    assert sent.height > sent.width
    assert "8100x6200 pixels are more than the 50 megapixels allowed" in photo.note


def test_a_picture_that_takes_too_much_memory_is_made_a_jpeg(tmp_path: Path) -> None:
    photo = photos.read(written(tmp_path / "dog.webp", Image.new("RGB", (5000, 4200), "teal")))

    assert photo.media_type == "image/jpeg"
    assert "decoding takes 420 MB; at most 400 MB are allowed" in photo.note


def test_another_format_is_converted(tmp_path: Path) -> None:
    photo = photos.read(written(tmp_path / "dog.bmp", noise(80, 60)))

    assert photo.media_type == "image/jpeg"
    assert "BMP is converted: sent as a JPEG of 80x60 pixels" in photo.note


def truncated(path: Path) -> None:
    noise(200, 200).save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:900])


def bomb(path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(path, "PNG")


@pytest.mark.parametrize(
    ("make", "reason", "remedy"),
    [
        (lambda path: path.write_bytes(b""), "is empty", "copy or download it again"),
        (truncated, "truncated", "copy or download it again"),
        (bomb, "decompression bomb", "save it with at most 50 megapixels"),
        (lambda path: path.write_text("a text"), "not a picture", "give a JPEG, PNG or WebP file"),
        (lambda path: path.mkdir(), "is a folder", "give one photo"),
        (lambda path: None, "no photo at", "give a JPEG, PNG or WebP file"),
        (
            lambda path: noise(9, 9).save(path, "GIF", save_all=True, append_images=[noise(9, 9).rotate(90)]),
            "animated",
            "save one frame",
        ),
    ],
)
def test_a_refused_photo_says_why_and_what_to_do(
    make: object, reason: str, remedy: str, tmp_path: Path
) -> None:
    path = tmp_path / "dog.jpg"
    make(path)  # type: ignore[operator]  # any function of a path

    with pytest.raises(photos.PhotoError, match=reason) as refused:
        photos.read(str(path))

    assert remedy in str(refused.value)
    assert refused.value.exit_code == 2


def test_a_missing_photo_names_the_nearest(tmp_path: Path) -> None:
    written(tmp_path / "labrador.jpg", noise(9, 9))

    with pytest.raises(photos.PhotoError, match=r"did you mean .*labrador\.jpg"):
        photos.read(str(tmp_path / "labrador.jpeg"))
