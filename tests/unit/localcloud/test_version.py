"""One version number: pyproject.toml's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import kennel
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.version import read_version


def test_the_version_is_the_project_s(tmp_path: Path) -> None:
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text('[project]\nname = "kennel"\nversion = "1.2.3"\n')
    assert read_version(pyproject) == "1.2.3"


def test_without_a_checkout_the_version_is_unknown(tmp_path: Path) -> None:
    assert read_version(tmp_path / "pyproject.toml") == "unknown"


def test_the_package_and_the_local_cloud_report_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MOTO_PORT", "MOTO_ACCOUNT_ID"):  # the cloud sets them
        monkeypatch.setenv(name, os.environ.get(name, ""))
    expected = read_version(Path(__file__).parents[3] / "pyproject.toml")
    cloud = Cloud(tmp_path, 4510)
    assert kennel.__version__ == cloud.status()["version"] == expected
    cloud.shutdown()
