"""What is recorded is what coverage.py's own tracer sees, line by line and branch by branch."""

from __future__ import annotations

import builtins
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import coverage
import pytest

from kennel.checks import recording
from kennel.checks.recording import report
from kennel.checks.recording.probes import probe

MODULE = '''"""A module with each kind of statement that has ways to go on."""
from __future__ import annotations

import contextlib
from dataclasses import dataclass


@contextlib.contextmanager
def opened(
    fail,
):
    """Documented."""
    if fail:
        raise ValueError
    yield 1


@dataclass
class Kept:
    """Documented."""

    name: str = "a"

    @property
    def long(self):
        return len(
            self.name
        ) > 3


def loops(values):
    total = 0
    for value in values:
        if value < 0:
            continue
        elif value > 9:
            break
        total += value
    else:
        total += 100
    while total > 50:
        total -= 30
    return total


def caught(work):
    try:
        result = work()
    except ZeroDivisionError:
        result = "zero"
    except (KeyError, ValueError) as error:
        result = type(error).__name__
    else:
        result = result + 1
    finally:
        after = True
    return result, after


def matched(value):
    match value:
        case 0:
            return "zero"
        case [first, *_] if first:
            return "list"
        case str():
            pass
    return "other"


def any_matched(value):
    match value:
        case 1 | 2:
            return "few"
        case other:
            return other


def within(fail):
    with contextlib.suppress(ValueError):
        with opened(fail) as value:
            if value and (
                not fail
            ):
                return Kept("abcd").long
    return None


async def waits(values):
    async with values as inner:
        async for value in inner:
            if value:
                return value


def never():
    if (yield):
        return [x for x in range(3) if x]
'''
CALLS: dict[str, Callable[[Any], object]] = {
    "nothing": lambda module: None,
    "loops to its end": lambda module: module.loops([1, -1]),
    "a loop is left": lambda module: module.loops([60, 1]),
    "a long loop": lambda module: module.loops([9] * 7),
    "no error": lambda module: module.caught(lambda: 1),
    "the first handler": lambda module: module.caught(lambda: 1 // 0),
    "the second handler": lambda module: module.caught(lambda: {}["a"]),
    "a first case": lambda module: module.matched(0),
    "a guard": lambda module: module.matched([1]),
    "a last case": lambda module: module.matched("a"),
    "no case": lambda module: module.matched([0]),
    "several patterns": lambda module: module.any_matched(2),
    "a name takes anything": lambda module: module.any_matched(3),
    "a context": lambda module: module.within(False),
    "a context that fails": lambda module: module.within(True),
}


class Namespace:
    """The names that code defines."""

    def __init__(self, code: Any, **names: Any) -> None:
        self.__dict__.update(names)
        self.__name__ = "recorded"
        sys.modules["recorded"] = self  # type: ignore[assignment]  # dataclasses look a class's module up
        exec(code, self.__dict__)


def missing(arcs: set[tuple[int, int]], path: Path, folder: Path) -> tuple[list[int], dict[int, list[int]]]:
    """Return the lines and branches that coverage.py reports as missing."""
    data = coverage.CoverageData(str(folder / "data"))
    data.erase()
    data.add_arcs({str(path): arcs})
    data.touch_files([str(path)])
    data.write()
    measured = coverage.Coverage(data_file=str(folder / "data"), config_file=False, branch=True)
    measured.load()
    document = folder / "report.json"
    measured.json_report(outfile=str(document))
    (module,) = json.loads(document.read_text())["files"].values()
    return module["missing_lines"], module["missing_branches"]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_record_is_what_coverage_py_traces(
    call: Callable[[Any], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "module.py"
    path.write_text(MODULE)
    traced = coverage.Coverage(data_file=None, config_file=False, branch=True, include=[str(path)])
    with traced.collect():
        call(Namespace(compile(MODULE, str(path), "exec")))
    expected = traced.get_data().arcs(str(path)) or []

    probed = probe(path.read_bytes(), str(path), "kennel_test_register")
    marks: list[int] = []

    def register(module: str, size: int) -> list[int]:
        marks.extend([0] * size)
        return marks

    monkeypatch.setattr(builtins, "kennel_test_register", register, raising=False)
    call(Namespace(probed.compile(str(path))))
    arcs = report.executed_arcs(path, {index for index, mark in enumerate(marks) if mark})

    assert missing(arcs, path, tmp_path) == missing(set(expected), path, tmp_path)


def test_processes_record_what_they_import_run_and_load_by_path(tmp_path: Path) -> None:
    sources, records = tmp_path / "sources", tmp_path / "records"
    for folder in (sources, records):
        folder.mkdir()
    for name in ("imported", "run", "loaded", "unused"):
        (sources / f"{name}.py").write_text("import sys\nif sys.argv:\n    a = 1\nelse:\n    a = 2\n")
    program = (
        "import importlib.util, runpy, sys\n"
        f"sys.path.append({str(sources)!r})\n"
        "import imported\n"
        "runpy.run_module('run', run_name='__main__')\n"
        f"spec = importlib.util.spec_from_file_location('any', {str(sources / 'loaded.py')!r})\n"
        "spec.loader.exec_module(importlib.util.module_from_spec(spec))\n"
    )
    environment = recording.variables(records, [sources])

    for _ in range(2):  # the second process reads what the first one has compiled
        subprocess.run([sys.executable, "-c", program], env=environment, check=True)

    report.write(tmp_path / "data", [sources], records.glob("*.json"))
    data = coverage.CoverageData(str(tmp_path / "data"))
    data.read()
    assert len(list(records.iterdir())) == 2
    assert {Path(file).stem: sorted(data.lines(file) or []) for file in data.measured_files()} == {
        "imported": [1, 2, 3],
        "loaded": [1, 2, 3],
        "run": [1, 2, 3],
        "unused": [],
    }


def test_a_changed_module_is_compiled_again(tmp_path: Path) -> None:
    sources, records = tmp_path / "sources", tmp_path / "records"
    for folder in (sources, records):
        folder.mkdir()
    module = sources / "changed.py"
    said = []
    for text in ("print('first')\n", "print('a second one')\n"):
        module.write_text(text)
        command = [sys.executable, "-c", f"import sys; sys.path.append({str(sources)!r}); import changed"]
        environment = recording.variables(records, [sources])
        said.append(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)

    assert said == [b"first\n", b"a second one\n"]
