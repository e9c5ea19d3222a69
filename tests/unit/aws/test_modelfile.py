"""Records are read from a model archive, the weights are not kept."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from kennel.aws import StackError, session
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.training import modelfile

URI = "s3://artifacts/jobs/1/model.tar.gz"


def upload(stack: Stack, files: dict[str, bytes]) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    session.client("s3").put_object(
        Bucket=stack["artifact_bucket"], Key="jobs/1/model.tar.gz", Body=buffer.getvalue()
    )


def test_records_are_saved_and_nothing_else(stack: Stack, tmp_path: Path) -> None:
    upload(
        stack,
        {
            "./metrics.json": b'{"test_top1": 0.5}',
            "model.pth": b"weights",
            "history.csv": b"epoch\n1\n",
            "code/settings.json": b"{}",
            "../outside.json": b"{}",
        },
    )

    folder = tmp_path / "saved"
    modelfile.save_records(URI, folder / "records")

    assert {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == {
        "metrics.json": b'{"test_top1": 0.5}',
        "history.csv": b"epoch\n1\n",
    }
    documents = modelfile.documents_of(URI, "metrics.json", "learned.json")
    assert documents == {"metrics.json": {"test_top1": 0.5}}


def test_what_is_no_archive_is_named(stack: Stack, tmp_path: Path) -> None:
    session.client("s3").put_object(
        Bucket=stack["artifact_bucket"], Key="jobs/1/model.tar.gz", Body=b"no archive"
    )

    with pytest.raises(StackError, match=r"model\.tar\.gz is not a readable archive"):
        modelfile.save_records(URI, tmp_path)
