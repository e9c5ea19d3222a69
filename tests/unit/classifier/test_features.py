"""Features: computed once, independent of the writer, kept after kills and damage to files."""

from __future__ import annotations

import errno
import io
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kennel.classifier import TrainingError, augment, features
from kennel.classifier.data import folder
from kennel.classifier.feature_store import FeatureStore
from kennel.classifier.networks import Preprocessing

PREPARED = Preprocessing(40, 32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


class Backbone(nn.Module):
    """A small network that counts the pictures it sees."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Conv2d(3, 5, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.seen, self.lock = 0, threading.Lock()

    def forward(self, x: Tensor) -> Tensor:
        with self.lock:  # every core computes its own batches
            self.seen += int((x.flatten(1) != -1).any(1).sum())  # padding is black: -1 everywhere
        return self.layers(x)


@pytest.fixture
def items(photos: Path) -> list[folder.Picture]:
    return folder.read(photos).splits["train"]


def collect(
    items: list[folder.Picture], store: FeatureStore, views: int = 0
) -> tuple[features.Features, int]:
    backbone = Backbone()
    return features.collect(backbone, items, PREPARED, store, views=views), backbone.seen


def test_what_is_kept_is_not_computed_again(items: list[folder.Picture], tmp_path: Path) -> None:
    with FeatureStore(tmp_path, "key", "0", 5) as store:
        first, seen = collect(items, store)
    assert seen == len(items) == 24
    with FeatureStore(tmp_path, "key", "0", 5) as store:
        again, seen = collect(items, store)
        assert seen == 0
        _, seen = collect(items, store, views=2)
        assert seen == 48
    assert torch.equal(first.values, again.values)
    with FeatureStore(tmp_path, "another backbone", "0", 5) as store:
        assert collect(items, store)[1] == 24


def test_another_runs_folder_is_read_and_never_written(items: list[folder.Picture], tmp_path: Path) -> None:
    with FeatureStore(tmp_path / "a", "key", "0", 5) as store:
        first, _ = collect(items, store)
    before = {p: p.read_bytes() for p in (tmp_path / "a").iterdir()}
    with FeatureStore(None, "key", "0", 5, tmp_path / "a") as store:
        again, seen = collect(items, store)
    assert seen == 0
    assert torch.equal(first.values, again.values)
    assert {p: p.read_bytes() for p in (tmp_path / "a").iterdir()} == before


def test_a_feature_does_not_depend_on_its_neighbours(items: list[folder.Picture], tmp_path: Path) -> None:
    with FeatureStore(None, "key", "0", 5) as store:
        whole, _ = collect(items, store)
    for start, stop in ((0, 1), (3, 10), (23, 24)):
        with FeatureStore(None, "key", "0", 5) as store:
            part, _ = collect(items[start:stop], store)
        assert torch.equal(part.values, whole.values[start:stop])


@pytest.mark.parametrize("lost", [1, 7, 19, 30, 200])
@pytest.mark.parametrize("suffix", [".f32", ".names"])
def test_a_torn_file_costs_only_its_torn_rows(
    items: list[folder.Picture], tmp_path: Path, suffix: str, lost: int
) -> None:
    with FeatureStore(tmp_path, "key", "0", 5) as store:
        first, _ = collect(items, store)
    torn = tmp_path / f"key-0{suffix}"
    torn.write_bytes(torn.read_bytes()[:-lost])
    for expected in ("some", "none"):
        with FeatureStore(tmp_path, "key", "0", 5) as store:
            again, seen = collect(items, store)
        assert torch.equal(first.values, again.values)
        assert (0 < seen < 24) if expected == "some" else seen == 0


def test_a_changed_picture_is_computed_again(items: list[folder.Picture], tmp_path: Path) -> None:
    with FeatureStore(tmp_path, "key", "0", 5) as store:
        first, _ = collect(items, store)
    items[0].path.write_bytes(items[10].path.read_bytes())
    with FeatureStore(tmp_path, "key", "0", 5) as store:
        again, seen = collect(items, store)
    assert seen == 0  # that content is known
    assert torch.equal(again.values[0], first.values[10])


def test_the_key_names_all_that_features_depend_on() -> None:
    cpu = torch.device("cpu")
    keys = {
        features.key("a", PREPARED, cpu),
        features.key("b", PREPARED, cpu),
        features.key("a", Preprocessing(41, 32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)), cpu),
        features.key("a", PREPARED, torch.device("cuda")),
    }
    assert len(keys) == 4


def test_unreadable_pictures_are_left_out_and_named(items: list[folder.Picture]) -> None:
    items[3].path.write_bytes(b"text")
    with FeatureStore(None, "key", "0", 5) as store:
        computed, _ = collect(items, store, views=1)
    assert computed.values.shape == (23, 2, 5)
    assert len(computed.digests) == 24
    assert items[3] not in computed.pictures
    assert [line.split(": ")[1] for line in computed.unreadable] == ["not a JPEG, PNG or WebP picture"]
    items[4].path.write_bytes(b"more text")
    with FeatureStore(None, "key", "0", 5) as store, pytest.raises(TrainingError, match="2 of 24"):
        collect(items, store)


def test_screening_finds_the_same_without_a_network(items: list[folder.Picture]) -> None:
    from kennel.classifier.distributed import Hosts

    items[3].path.write_bytes(b"text")
    with FeatureStore(None, "key", "0", 5) as store:
        computed, _ = collect(items, store)
    screened = features.screen(items, Hosts(), 2)
    assert screened.pictures == computed.pictures
    assert screened.digests == computed.digests
    assert screened.unreadable == computed.unreadable


class FullDisk(io.BytesIO):
    """A file on a disk without space."""

    def write(self, _: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_one_clear_line(
    items: list[folder.Picture], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FeatureStore, "_open", lambda _: (FullDisk(), FullDisk()))
    with FeatureStore(tmp_path, "key", "0", 5) as store, pytest.raises(TrainingError) as caught:
        collect(items, store)
    assert "No space left on device; free some space" in str(caught.value)


def test_views_are_different_and_reproducible(items: list[folder.Picture]) -> None:
    source = items[0].path.read_bytes()
    plain = augment.view(source, PREPARED, None)
    first, again, other = (augment.view(source, PREPARED, seed) for seed in ("1", "1", "2"))
    assert first.shape == plain.shape == (32, 32, 3)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, plain)
