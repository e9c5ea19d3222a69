"""`clean` frees what can be made again, and only when asked what may be wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kennel import disk_use, terminal
from kennel.commands import clean
from kennel.errors import UsageError


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "src/kennel/__pycache__/a.pyc",
        "src/kennel/a.py",
        ".ruff_cache/x",
        ".tools/uv",
        ".venv/bin/python",
        "build/localcloud/state/snapshot",
        "build/localcloud/environments/0123/lib/package.py",
        "build/rehearsal/cloud/state/snapshot",
        "build/data/sample/photo.jpg",
        "build/checks/unit.log",
        "build/stack/local/terraform/x",
        "build/thesis/chapter.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 100)
    monkeypatch.setattr(clean, "ROOT", tmp_path)
    monkeypatch.setattr(clean, "_runs", lambda directory: False)
    monkeypatch.setattr(disk_use.folders, "abandoned", list)
    return tmp_path


def files(checkout: Path) -> set[str]:
    return {str(path.relative_to(checkout)) for path in checkout.rglob("*") if path.is_file()}


KEPT = {
    "src/kennel/a.py",
    ".tools/uv",
    ".venv/bin/python",
    "build/localcloud/state/snapshot",
    "build/rehearsal/cloud/state/snapshot",
    "build/data/sample/photo.jpg",
    "build/thesis/chapter.txt",
}


def run(**options: Any) -> dict[str, Any]:
    return clean.clean.body.__wrapped__(**options)


def test_a_look_frees_nothing(checkout: Path) -> None:
    before = files(checkout)
    document = run(dry_run=True)
    assert files(checkout) == before
    assert document["freed_bytes"] == 0
    costs = {part["name"]: part["cost"] for part in document["parts"]}
    assert costs["build/localcloud"] == costs["build/thesis"] == "kept"
    assert costs["build/stack"] == costs["caches"] == "free"
    assert costs[".venv"] == "environment"


def test_without_all_only_what_can_be_made_again_goes(checkout: Path) -> None:
    document = run(yes=True)
    assert files(checkout) == KEPT
    assert document["freed_bytes"] == 500


def test_nobody_to_ask_is_no_yes(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(checkout)
    monkeypatch.setattr(terminal, "can_ask", lambda: False)
    with pytest.raises(UsageError, match=r"build/localcloud.* would be gone for good.*--yes"):
        run(all=True)
    monkeypatch.setattr(terminal, "can_ask", lambda: True)
    monkeypatch.setattr(terminal, "ask", lambda question: False)
    with pytest.raises(UsageError, match="only the answer yes"):
        run(all=True)
    assert files(checkout) == before


def test_all_leaves_what_a_running_cloud_uses(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean, "_runs", lambda directory: directory == checkout / "build" / "localcloud")
    document = run(all=True, yes=True)
    assert files(checkout) == {
        "src/kennel/a.py",
        "build/localcloud/state/snapshot",
        "build/localcloud/environments/0123/lib/package.py",
        "build/stack/local/terraform/x",
    }
    assert document["chosen"][-1] == ".venv"


def test_of_a_linked_environment_only_the_link_goes(checkout: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    (checkout / ".venv").rename(shared)
    (checkout / ".venv").symlink_to(shared)
    run(all=True, yes=True)
    assert not (checkout / ".venv").exists()
    assert (shared / "bin/python").exists()
