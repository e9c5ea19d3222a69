"""Folders of ended jobs are removed by age and size, never those of jobs that run."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from kennel.localcloud.services.sagemaker.training import job_folders


def job(directory: Path, name: str, size: int, days_ago: float | None) -> None:
    """Make a job's folder; without an age its job runs."""
    folder = job_folders.folder(directory, name)
    folder.mkdir(parents=True)
    (folder / "model.tar.gz").write_bytes(b"x" * size)
    if days_ago is not None:
        (folder / job_folders.ENDED).touch()
        ended = time.time() - days_ago * 86_400
        os.utime(folder / job_folders.ENDED, (ended, ended))


def test_old_ones_go_and_the_oldest_of_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_folders, "MOST_BYTES", 250)
    job(tmp_path, "old", 1, job_folders.MOST_DAYS + 1)
    job(tmp_path, "first", 100, 3)
    job(tmp_path, "second", 100, 2)
    job(tmp_path, "runs", 1000, None)
    job(tmp_path, "third", 100, None)
    assert sorted(job_folders.clean_up(tmp_path, "third")) == ["first", "old"]
    assert {path.name for path in (tmp_path / job_folders.JOBS).iterdir()} == {"second", "runs", "third"}


def test_after_a_start_no_job_runs(tmp_path: Path) -> None:
    job(tmp_path, "interrupted", 100, None)
    assert job_folders.clean_up(tmp_path) == []
    assert (job_folders.folder(tmp_path, "interrupted") / job_folders.ENDED).exists()
    assert job_folders.clean_up(tmp_path / "empty") == []
