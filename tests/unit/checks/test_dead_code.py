"""What nothing uses is found; what another library uses is not."""

from __future__ import annotations

import json
from pathlib import Path

from kennel.checks import dead_code

SETTINGS = """
[tool.vulture]
paths = ["package"]
ignore_decorators = ["@operation"]
ignore_names = ["allowed"]
"""


def unused(root: Path, code: str) -> list[str]:
    (root / "pyproject.toml").write_text(SETTINGS)
    (root / "package").mkdir()
    (root / "package" / "module.py").write_text(code)
    return list(dead_code.unused(root))


OWN = """
def unused():
    pass


class Kept:
    def __init__(self):
        self.kept = 1


print(Kept())
"""
FOREIGN = """
import moto

record = moto.record()
record.last_modified_time = 1
"""
ALLOWED = """
from registry import operation


@operation
def handler():
    pass


def allowed():
    pass
"""


def test_unused_functions_and_own_attributes_are_found(tmp_path: Path) -> None:
    assert unused(tmp_path, OWN) == [
        "package/module.py:2: unused function 'unused'",
        "package/module.py:8: unused attribute 'kept'",
    ]


def test_attributes_of_another_librarys_objects_are_for_it_to_read(tmp_path: Path) -> None:
    assert unused(tmp_path, FOREIGN) == []


def test_what_the_settings_allow_is_passed_over(tmp_path: Path) -> None:
    assert unused(tmp_path, ALLOWED) == []


def test_what_a_notebook_uses_is_used(tmp_path: Path) -> None:
    cell = {
        "cell_type": "code",
        "source": ["%matplotlib inline\n", "from package import module\n", "module.shown()"],
    }
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "show.ipynb").write_text(json.dumps({"cells": [cell]}))

    assert unused(tmp_path, "def shown():\n    pass\n") == []
