"""Scans are counted as a decoder meets them, without decoding."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kennel.pictures import PictureError, jpeg

SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x12\xff\x00\x34"  # a stuffed byte in its data
START, END = b"\xff\xd8", b"\xff\xd9"


def picture(**options: Any) -> bytes:
    """Return a JPEG of noise, whose data contains every byte."""
    pixels = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


@pytest.fixture
def scans(modules: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], int]:
    """Return how many scans are counted."""

    def counted(jpeg: bytes) -> int:
        most = -1
        while True:
            most += 1
            monkeypatch.setattr(modules["jpeg_scans"], "MAXIMUM_SCANS", most)
            if not modules["jpeg_scans"].excess(jpeg):
                return most

    return counted


@pytest.mark.parametrize(
    ("options", "expected"), [({}, 1), ({"restart_marker_blocks": 3}, 1), ({"progressive": True}, 10)]
)
def test_what_a_camera_writes(scans: Callable[[bytes], int], options: dict[str, Any], expected: int) -> None:
    assert scans(picture(**options)) == expected


@pytest.mark.parametrize(
    ("jpeg", "expected"),
    [
        (b"", 0),
        (START, 0),
        (START + SCAN * 5 + END, 5),
        (START + SCAN * 5, 5),
        (START + b"".join(SCAN + b"\xff\xd0" for _ in range(5)) + END, 5),
        (START + b"\xff\xff\xff" + SCAN[1:] + END, 1),  # filling before a marker
        (START + b"garbage" + SCAN * 2 + END, 2),  # decoders skip to the next marker
        (START + SCAN + END + SCAN, 1),  # the second image of a file
        (START + b"\xff\xe1\x00\x30" + SCAN * 3 + bytes(0x2E - 3 * len(SCAN)) + SCAN + END, 1),  # a preview
        (START + b"\xff\xda\x00\x00" + SCAN + END, 2),  # a length that is too small
        (START + SCAN + b"\xff\xda", 2),
        (START + SCAN + b"\xff", 1),
    ],
)
def test_markers(scans: Callable[[bytes], int], jpeg: bytes, expected: int) -> None:
    assert scans(jpeg) == expected


def test_a_photo_with_too_many_scans_is_refused(modules: Any, prediction_error: Any) -> None:
    check, most = modules["photo_format"].content_type, modules["jpeg_scans"].MAXIMUM_SCANS
    head, end = b"\xff\xd8\xff\xe0\x00\x02", b"\xff\xd9"
    assert check(head + SCAN * most + end) == "image/jpeg"
    with pytest.raises(prediction_error, match="more than 100 scans") as caught:
        check(head + SCAN * (most + 1) + end)
    assert caught.value.status == 422


@pytest.mark.parametrize("segment", [b"\xff\xe0\x00\x02", b"\xff\xd8", b"\xff\x01"])
def test_a_photo_with_too_many_segments_is_refused(
    modules: Any, prediction_error: Any, segment: bytes
) -> None:
    head = b"\xff\xd8\xff\xe0\x00\x02"
    assert modules["photo_format"].content_type(head + segment * 900 + SCAN + END) == "image/jpeg"
    with pytest.raises(prediction_error, match="more than 1000 segments") as caught:
        modules["photo_format"].content_type(head + segment * 1000 + SCAN + END)
    assert caught.value.status == 422


def container(jpeg_: bytes) -> str:
    """Return what the model's container finds too much in a JPEG."""
    try:
        return "scans" if jpeg.scans(jpeg_) > jpeg.SCAN_LIMIT else ""
    except PictureError:
        return "segments"


def test_the_bounds_are_those_of_the_model_s_container(modules: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = modules["jpeg_scans"]
    assert (limits.MAXIMUM_SCANS, limits.MAXIMUM_SEGMENTS) == (jpeg.SCAN_LIMIT, jpeg.SEGMENT_LIMIT)
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[3] / "benchmarks"))
    hostile = [item.content for item in importlib.import_module("hostile_pictures").inputs()]
    made = [photo for photo in hostile if photo.startswith(b"\xff\xd8\xff")]
    made += [
        START + b"\xff\xe0\x00\x02" * count + SCAN * 101 + END
        for count in (0, 1, 890, 898, 899, 998, 999, 1000)
    ]
    found = [limits.excess(photo) for photo in made]
    assert [word.rpartition(" ")[2] for word in found] == [container(photo) for photo in made]
    assert {word.rpartition(" ")[2] for word in found} == {"", "scans", "segments"}
