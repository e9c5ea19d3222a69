"""Environments that only a benchmark or one test needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from bootstrap import extra


@pytest.mark.parametrize("name", extra.PURPOSES)
def test_each_has_requirements_with_hashes_and_is_ignored_by_git(name: str) -> None:
    environment = extra.environment(name)

    lines = environment.requirements.read_text().splitlines()
    packages = [line for line in lines if line[:1].isalnum()]
    assert packages
    assert all("==" in line and line.endswith("\\") for line in packages)
    assert f"{environment.folder.name}/" in (extra.ROOT / ".gitignore").read_text().splitlines()


def test_it_takes_what_it_lacks_from_the_environment_that_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / ".venv-ray" / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    monkeypatch.setattr(extra, "ROOT", tmp_path)
    monkeypatch.setattr(extra.Environment, "ready", True)

    extra.make("ray")

    (folder,) = (site / "kennel-main.pth").read_text().splitlines()
    assert (Path(folder) / "pytest").is_dir()
