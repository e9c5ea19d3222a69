"""A service's temporary folder ends with it, also if it was killed, and nothing else is removed."""

from __future__ import annotations

from pathlib import Path

from kennel.localcloud import temporary_folder


def test_what_a_killed_service_left_is_removed_by_the_next(tmp_path: Path) -> None:
    left = temporary_folder.make(tmp_path)
    (left / "file").write_text("")

    new = temporary_folder.make(tmp_path)

    assert new.is_dir()
    assert not left.exists()
    temporary_folder.remove(tmp_path)
    assert not new.exists()
    assert not list(tmp_path.iterdir())


def test_no_folder_but_a_temporary_one_is_removed(tmp_path: Path) -> None:
    precious = tmp_path / "kennel-photos"
    precious.mkdir()
    (tmp_path / temporary_folder.RECORD).write_text(str(precious))

    temporary_folder.remove(tmp_path)

    assert precious.is_dir()


def test_without_a_record_nothing_happens(tmp_path: Path) -> None:
    temporary_folder.remove(tmp_path / "none")
