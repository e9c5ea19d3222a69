"""The folders of training jobs: kept for a while after the end, for whoever looks into them."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

from kennel.folders import size

JOBS = "jobs"  # in the cloud's folder
MOST_DAYS = 7  # a folder is kept after its job's end
MOST_BYTES = 5_000_000_000  # of all ended jobs together
ENDED = ".ended"  # a file in the folder of an ended job; its time is the end

_one_at_a_time = threading.Lock()


def folder(directory: Path, job: str) -> Path:
    """Return the folder of a job in a cloud's folder."""
    return directory / JOBS / job


def clean_up(directory: Path, ended: str | None = None) -> list[str]:
    """Remove the folders of ended jobs that are too old, and the oldest while all together are too big.

    Parameters
    ----------
    directory
        The cloud's folder.
    ended
        A job that has ended now. Without it no job runs: the service has just started.

    Returns
    -------
    The names of the jobs whose folders were removed.
    """
    with _one_at_a_time:
        jobs = [path for path in (directory / JOBS).glob("*") if path.is_dir()]
        for path in jobs:
            if ended in (None, path.name) and not (path / ENDED).exists():
                (path / ENDED).touch()
        ends = {path: (path / ENDED).stat().st_mtime for path in jobs if (path / ENDED).exists()}
        oldest_kept = time.time() - MOST_DAYS * 86_400
        total, removed = 0, []
        for path in sorted(ends, key=lambda path: ends[path], reverse=True):
            total += size(path)
            if ends[path] < oldest_kept or total > MOST_BYTES:
                shutil.rmtree(path, ignore_errors=True)
                removed.append(path.name)
        return removed
