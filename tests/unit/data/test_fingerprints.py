"""Fingerprints: another encoding of a photo is found, another photo is not taken for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from kennel.classifier.data import fingerprints

Picture = Callable[[int], Image.Image]


def saved(image: Image.Image, path: Path, **options: object) -> fingerprints.Fingerprint:
    image.save(path, **options)
    return fingerprints.examine(path)


@pytest.mark.parametrize(
    ("change", "options"),
    [
        (lambda image: image.resize((48, 48)), {}),
        (lambda image: image, {"quality": 30}),
        (lambda image: ImageEnhance.Contrast(image).enhance(1.3), {}),
        (lambda image: image.convert("L"), {}),
    ],
)
def test_another_encoding_is_nearly_the_same(
    change: Callable[[Image.Image], Image.Image], options: dict[str, int], picture: Picture, tmp_path: Path
) -> None:
    photos = [saved(picture(number), tmp_path / f"{number}.jpg") for number in range(20)]
    changed = [saved(change(picture(number)), tmp_path / f"c{number}.jpg", **options) for number in range(20)]

    groups = fingerprints.groups([*photos, *changed])

    assert groups[:20] == groups[20:]
    assert len(set(groups)) == 20


def test_other_photos_and_plain_surfaces_are_not() -> None:
    rng = np.random.default_rng(0)
    surfaces = [np.full((64, 64, 3), level, np.uint8) for level in (0, 1, 128, 255)]
    assert all(fingerprints.difference_hash(surface) is None for surface in surfaces)
    noise = [fingerprints.difference_hash(rng.integers(0, 256, (64, 64, 3), np.uint8)) for _ in range(200)]
    assert list(fingerprints.near_pairs(noise)) == []


@given(st.lists(st.integers(0, 2**20), min_size=2, max_size=30), st.data())
def test_near_pairs_are_those_that_differ_in_few_bits(seeds: list[int], data: st.DataObject) -> None:
    hashes = [np.random.default_rng(seed).random(128) < 0.5 for seed in seeds]
    copy = hashes[0].copy()
    copy[: data.draw(st.integers(0, 16))] ^= True
    hashes.append(copy)
    expected = {
        (first, second)
        for second in range(len(hashes))
        for first in range(second)
        if (hashes[first] != hashes[second]).sum() <= fingerprints.NEAR_BITS
    }
    assert set(fingerprints.near_pairs([*hashes, None])) == expected


def test_copies_are_grouped_and_unreadable_files_have_a_fault(picture: Picture, tmp_path: Path) -> None:
    first = saved(picture(1), tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes((tmp_path / "a.jpg").read_bytes())
    (tmp_path / "c.jpg").write_text("no picture")
    (tmp_path / "d.jpg").symlink_to(tmp_path / "nowhere")
    examined = fingerprints.examine_all([tmp_path / f"{name}.jpg" for name in "abcd"])

    assert examined[0].digest == first.digest
    assert fingerprints.copies([seen.digest for seen in examined]) == [[0, 1]]
    assert [bool(seen.fault) for seen in examined] == [False, False, True, True]
    assert examined[3].fault == "No such file or directory"
