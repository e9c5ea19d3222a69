"""A release without any photo: its record, and lists of classes that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from kennel.aws import StackError
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import imagenet_release, releases
from kennel.aws.session import Workspace
from kennel.serving import model


def test_a_release_of_named_classes_says_that_it_has_seen_no_photo(stack: Stack, tmp_path: Path) -> None:
    workspace = Workspace("local", tmp_path)

    release, unknown = imagenet_release.package(workspace, stack, ("Beagle", "Pug", "Akita"))

    assert unknown == ["Akita"]
    assert releases.find(stack["artifact_bucket"], release.id) == release
    assert (release.job, release.metrics, release.classes) == ("imagenet", {}, ["Beagle", "Pug", "Akita"])
    assert release.learned == {
        "photos": "none",
        "train": 0,
        "classes": 3,
        "prior": "imagenet",
        "known_classes": 2,
    }
    assert (release.runtime, release.sign_off["int8"]) == ("openvino", None)
    assert "no validation photos" in release.sign_off["reason"]
    assert model.load(tmp_path / "release" / "content").release == release.id


def test_classes_are_the_lines_of_a_file_or_the_133_breeds(tmp_path: Path) -> None:
    file = tmp_path / "classes.txt"
    file.write_text("Beagle\n\n  Chow chow \n", encoding="utf-8")

    assert imagenet_release.read_classes(str(file)) == ("Beagle", "Chow chow")
    assert len(imagenet_release.read_classes(None)) == 133


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_list_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "classes.txt"
    if content:
        file.write_bytes(content)
    with pytest.raises(StackError, match=r"classes\.txt cannot be read: .*one class a line"):
        imagenet_release.read_classes(str(file))


def test_a_release_of_before_says_neither_what_was_learnt_nor_what_serves_it() -> None:
    before = {
        "id": "r-1",
        "digest": "d",
        "job": "j",
        "arch": "resnet50",
        "classes": ["a", "b"],
        "metrics": {},
    }
    release = releases.Release(**before, model_data_url="s3://b/k", created="2026-11-01T00:00:00+00:00")

    assert (release.learned, release.sign_off, release.runtime) == (None, None, "torch")
