"""Which photo goes to which split: what holds for any set of photos."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kennel.classifier.data import DataError
from kennel.classifier.data.assignment import HELD_OUT, Labelled, Shares, assign, refuse_empty


@st.composite
def photo_sets(draw: st.DrawFn) -> list[Labelled]:
    """Photos of some classes, in groups of one or more."""
    photos: list[Labelled] = []
    for label in draw(st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=5, unique=True)):
        sizes = draw(st.lists(st.sampled_from([1, 1, 1, 1, 2, 5]), min_size=1, max_size=40))
        for size in sizes:
            group = len(photos)
            photos += [Labelled(label, group, f"{group}") for _ in range(size)]
    return photos


SEEDS = st.integers(0, 1000)
SHARES = st.builds(Shares, st.floats(0.05, 0.4), st.floats(0.05, 0.4))


@given(photo_sets(), SHARES, SEEDS)
def test_photos_of_a_group_are_in_one_split(photos: list[Labelled], shares: Shares, seed: int) -> None:
    splits = assign(photos, shares, seed)
    assert len(splits) == len(photos)
    assert set(splits) <= {"train", "valid", "test"}
    together: dict[int, set[str]] = {}
    for photo, split in zip(photos, splits, strict=True):
        together.setdefault(photo.group, set()).add(split)
    assert all(len(found) == 1 for found in together.values())


@given(photo_sets(), SHARES, SEEDS)
def test_a_class_of_three_different_photos_is_in_every_split(
    photos: list[Labelled], shares: Shares, seed: int
) -> None:
    counts = Counter(
        (photo.label, split) for photo, split in zip(photos, assign(photos, shares, seed), strict=True)
    )
    for label in {photo.label for photo in photos}:
        groups = len({photo.group for photo in photos if photo.label == label})
        occupied = sum(counts[label, split] > 0 for split in ("train", *HELD_OUT))
        assert occupied == min(3, groups)
        assert counts[label, "train"] > 0


@given(
    st.dictionaries(st.text(min_size=1, max_size=3), st.integers(3, 200), min_size=1, max_size=5),
    SHARES,
    SEEDS,
)
def test_every_class_gives_its_share(sizes: dict[str, int], shares: Shares, seed: int) -> None:
    names = [(label, number) for label, count in sizes.items() for number in range(count)]
    photos = [Labelled(label, index, f"{label}/{number}") for index, (label, number) in enumerate(names)]
    counts = Counter(
        (photo.label, split) for photo, split in zip(photos, assign(photos, shares, seed), strict=True)
    )
    for label, count in sizes.items():
        for split in HELD_OUT:
            expected = count * getattr(shares, split)
            assert abs(counts[label, split] - max(1, expected)) <= 1


@given(photo_sets(), SEEDS, st.randoms(use_true_random=False))
def test_the_seed_and_the_photos_alone_decide(
    photos: list[Labelled], seed: int, order: random.Random
) -> None:
    before = dict(zip(photos, assign(photos, Shares(), seed), strict=True))
    shuffled = list(photos)
    order.shuffle(shuffled)
    assert dict(zip(shuffled, assign(shuffled, Shares(), seed), strict=True)) == before


def test_another_seed_chooses_other_photos() -> None:
    photos = [Labelled("cat", number, str(number)) for number in range(50)]
    assert assign(photos, Shares(), 1) != assign(photos, Shares(), 2)


def test_classes_of_two_photos_fill_both_held_out_splits_in_turn() -> None:
    photos = [Labelled(label, index, str(index)) for index, label in enumerate("aabbccdd")]
    assert Counter(assign(photos, Shares())) == {"train": 4, "valid": 2, "test": 2}


def test_a_photo_stays_in_its_split_and_what_resembles_it_is_trained_on() -> None:
    photos = [
        Labelled("a", 0, "x", "test"),
        Labelled("a", 0, "y"),
        *(Labelled("a", n, str(n)) for n in range(1, 11)),
    ]
    splits = assign(photos, Shares(), missing=("valid",))
    assert splits[:2] == ["test", "train"]
    assert Counter(splits) == {"train": 10, "valid": 1, "test": 1}


def test_a_photo_in_two_classes_is_trained_on() -> None:
    photos = [
        Labelled("a", 0, "x"),
        Labelled("b", 0, "x"),
        *(Labelled("ab"[n % 2], n, str(n)) for n in range(1, 9)),
    ]
    for seed in range(5):
        assert assign(photos, Shares(), seed)[:2] == ["train", "train"]


@pytest.mark.parametrize(
    ("valid", "test", "message"),
    [
        (0.0, 0.1, "--valid 0.0 is no share"),
        (0.1, 7.0, "--test 7.0"),
        (0.5, 0.5, "leave nothing to train on"),
    ],
)
def test_impossible_shares_are_refused(valid: float, test: float, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Shares(valid, test)


def test_too_few_photos_are_refused() -> None:
    with pytest.raises(DataError, match="3 photos are too few for three splits: valid has none; add photos"):
        refuse_empty(["train", "train", "test"])
