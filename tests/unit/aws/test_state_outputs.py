"""Terraform's outputs are read once for each version of the state."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import boto3
import pytest

from kennel.aws.infrastructure import state_outputs
from kennel.aws.infrastructure.stack import Stack

STATE = {"Bucket": "artifacts", "Key": "kennel/dev.tfstate"}


def write_state(content: bytes) -> None:
    boto3.client("s3").put_object(**STATE, Body=content)


def test_every_write_of_the_state_is_another_version(stack: Stack) -> None:
    assert state_outputs.state_version(STATE) is None
    assert state_outputs.state_version({**STATE, "Bucket": "not-made-yet"}) is None
    boto3.client("s3").put_bucket_versioning(
        Bucket=STATE["Bucket"], VersioningConfiguration={"Status": "Enabled"}
    )

    versions = []
    for content in (b"first", b"second", b"first"):
        write_state(content)
        versions.append(state_outputs.state_version(STATE))
        assert state_outputs.state_version(STATE) == versions[-1]

    assert None not in versions
    assert len(set(versions)) == 3


def test_terraform_is_asked_again_only_when_the_state_has_changed(tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = []

    def ask() -> dict[str, Any]:
        asked.append({"bucket": f"photos-{len(asked)}"})
        return asked[-1]

    folder = tmp_path / "terraform"
    assert [state_outputs.read(folder, version, ask)["bucket"] for version in ("a", "a", "b", "b", "a")] == [
        "photos-0",
        "photos-0",
        "photos-1",
        "photos-1",
        "photos-2",
    ]
    assert stat.S_IMODE((folder / state_outputs.KEPT).stat().st_mode) == 0o600


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"state": "a"}', '{"state": "a", "outputs": 3}'])
def test_a_damaged_file_is_replaced(tmp_path: Path, damaged: str) -> None:
    (tmp_path / state_outputs.KEPT).write_text(damaged)
    for _ in range(2):
        assert state_outputs.read(tmp_path, "a", lambda: {"bucket": "photos"}) == {"bucket": "photos"}
