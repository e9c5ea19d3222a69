"""Every hostile input of the benchmark is refused with the kind of error that its statuses say."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from kennel import pictures

from .. import hostile_inputs


def test_hostile_pictures_are_refused_as_what_they_are() -> None:
    inputs = list(hostile_inputs.module().inputs())
    assert len(inputs) >= 250
    assert len({item.name for item in inputs}) == len(inputs)
    for item in inputs:
        with pytest.raises(pictures.PictureError) as caught:
            pictures.read(item.content, 256, 224)
        status = 400 if caught.value.kind == "format" else 422
        assert status in item.expected, (item.name, str(caught.value))
        assert "\n" not in str(caught.value), item.name


def test_what_is_hostile_in_metadata_is_not_read() -> None:
    for item in hostile_inputs.module().disguised():
        assert pictures.read(item.content, 256, 224).shape == (224, 224, 3), item.name


@pytest.mark.parametrize("trailing", [b"\xff\xe2\x00\x02" * 5000, b"\xff\xd9" + b"\xff\xda" * 5000])
def test_what_follows_a_complete_scan_is_not_searched(trailing: bytes) -> None:
    encoded = io.BytesIO()
    Image.new("RGB", (300, 300), "red").save(encoded, "JPEG")
    photo = encoded.getvalue()
    assert (pictures.read(photo[:-2] + trailing, 256, 224) == pictures.read(photo, 256, 224)).all()
