"""Formats: what Pillow reads becomes an upright JPEG; what needs a plug-in names it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kennel import pictures
from kennel.classifier.data import formats
from kennel.pictures import PictureError

Picture = Callable[[int], Image.Image]


@pytest.mark.parametrize("suffix", ["bmp", "gif", "tif", "ppm", "tga", "jp2", "avif"])
def test_other_formats_become_jpeg(suffix: str, picture: Picture, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    picture(1).save(path)

    pixels, foreign = formats.read(path, 64)
    converted = pictures.read(formats.as_jpeg(path), 64, 64)

    assert foreign
    assert formats.is_foreign(path)
    assert f".{suffix}" in formats.suffixes()
    assert np.abs(converted.astype(float) - pixels).mean() < 8


@pytest.mark.parametrize("kind", pictures.FORMATS)
def test_what_a_training_reads_is_not_foreign(kind: str, picture: Picture, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    picture(1).save(path, kind)
    assert not formats.is_foreign(path)
    assert formats.read(path, 64)[1] is False


def test_a_suffix_that_deceives_is_noticed(picture: Picture, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    picture(1).save(path, "TIFF")
    assert formats.is_foreign(path)
    assert formats.read(path, 64)[1] is True


def test_a_converted_photo_is_upright_opaque_and_without_metadata(picture: Picture, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    image = picture(1).resize((96, 48))
    image.putalpha(0)
    image.save(tmp_path / "a.avif", exif=exif)
    with Image.open(io.BytesIO(formats.as_jpeg(tmp_path / "a.avif"))) as converted:
        assert converted.size == (48, 96)
        assert not converted.getexif()
        assert np.asarray(converted).min() > 250


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    for suffix in ("gif", "webp"):
        frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
        pixels, foreign = formats.read(tmp_path / f"a.{suffix}", 32)
        assert foreign
        assert pixels[16, 16, 0] > 200 > 100 > pixels[16, 16, 2]


def test_a_photo_above_the_limit_of_a_training_is_shrunk(tmp_path: Path) -> None:
    Image.new("RGB", (8000, 6300), "green").save(tmp_path / "a.jpg")
    assert formats.read(tmp_path / "a.jpg", 32)[1] is True
    with Image.open(io.BytesIO(formats.as_jpeg(tmp_path / "a.jpg"))) as shrunk:
        assert max(shrunk.size) <= 4096
        assert shrunk.width / shrunk.height == pytest.approx(80 / 63, abs=0.01)


def test_heic_without_its_plug_in_is_refused_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "_HEIF_PLUGIN", "a_plug_in_that_is_not_installed")
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    assert formats.is_foreign(path)
    with pytest.raises(PictureError, match="pip install pillow-heif"):
        formats.read(path, 64)


def test_files_that_run_programs_or_are_no_photos_are_not_opened(picture: Picture, tmp_path: Path) -> None:
    picture(1).save(tmp_path / "a.eps")
    assert ".eps" not in formats.suffixes()
    assert ".pdf" not in formats.suffixes()
    with pytest.raises(PictureError, match="not a picture in a format that Pillow reads"):
        formats.read(tmp_path / "a.eps", 64)
