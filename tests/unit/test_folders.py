"""Temporary folders are found again when their process has ended; the size of a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kennel import folders
from kennel.folders import HeldFolder


def test_a_folder_is_abandoned_once_its_process_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "YOUNG_SECONDS", 0.0)
    code = "import sys; from pathlib import Path; from kennel.folders import HeldFolder\n"
    code += "print(HeldFolder(Path(sys.argv[1])).path, flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(folders.__file__).parents[1])},
    )
    try:
        assert holder.stdout is not None
        path = Path(holder.stdout.readline().strip())
        assert path.is_dir()
        assert folders.abandoned(tmp_path) == []
        (tmp_path / f"{folders.PREFIX}link").symlink_to(tmp_path)
        (tmp_path / f"{folders.PREFIX}file").touch()
    finally:
        holder.kill()
        holder.communicate()
    assert folders.abandoned(tmp_path) == [path]
    monkeypatch.setattr(folders, "YOUNG_SECONDS", 3600.0)
    assert folders.abandoned(tmp_path) == []


def test_a_held_folder_goes_with_its_block(tmp_path: Path) -> None:
    with HeldFolder(tmp_path) as path:
        (path / "file").write_text("text")
        assert path.parent == tmp_path
    assert not path.exists()


def test_a_size_counts_each_file_once_and_no_link(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"x" * 1000)
    os.link(tmp_path / "folder" / "file", tmp_path / "same")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    assert folders.size(tmp_path) == 1000
    assert folders.size(tmp_path / "same") == 1000
    assert folders.size(tmp_path / "link") == 0
    assert folders.size(tmp_path / "absent") == 0
