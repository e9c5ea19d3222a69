"""The project's version, which pyproject.toml of the checkout declares."""

from __future__ import annotations

import tomllib
from pathlib import Path


def read_version(pyproject: Path) -> str:
    """Return ``[project] version`` of a pyproject.toml; "unknown" without one, as in a training job."""
    try:
        project = tomllib.loads(pyproject.read_text(encoding="utf-8")).get("project", {})
    except FileNotFoundError:
        project = {}
    return str(project.get("version", "unknown"))


VERSION = read_version(Path(__file__).resolve().parents[2] / "pyproject.toml")
