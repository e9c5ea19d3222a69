"""Turns what the processes of the tests recorded into data of coverage.py, which reports it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from coverage import CoverageData
from coverage.parser import PythonParser

from kennel.checks.recording.probes import Branch, probe
from kennel.checks.recording.recorder import REGISTER

_ENTRY = -1  # where a function is entered from, as coverage.py writes it


def write(file: Path, sources: Iterable[Path], records: Iterable[Path]) -> None:
    """Write coverage.py's data of all modules in some folders, those that no process imported among them.

    Parameters
    ----------
    file
        The data file, which must not exist.
    sources
        The measured folders.
    records
        What processes wrote.
    """
    marks = merged(records)
    modules = [module for source in sources for module in sorted(source.rglob("*.py"))]
    data = CoverageData(str(file))
    data.add_arcs({str(module): executed_arcs(module, marks.get(str(module), set())) for module in modules})
    data.touch_files([str(module) for module in modules])
    data.write()


def merged(records: Iterable[Path]) -> dict[str, set[int]]:
    """Return the marks of all records by module."""
    marks = defaultdict[str, set[int]](set)
    for record in records:
        for module, indices in json.loads(record.read_text()).items():
            marks[module].update(indices)
    return marks


def executed_arcs(module: Path, marks: set[int]) -> set[tuple[int, int]]:
    """Return the arcs that marks stand for: for each executed line one that leads there, and the branches."""
    if not marks:
        return set()
    source = module.read_bytes()
    probed = probe(source, str(module), REGISTER)
    taken = [branch for index, branch in enumerate(probed.branches, probed.lines + 1) if index in marks]
    lines = {(_ENTRY, index) for index in marks if index <= probed.lines}
    named = {(branch.line, branch.target) for branch in taken if branch.target is not None}
    return lines | named | _others(taken, probed.branches, source)


def _others(taken: list[Branch], branches: list[Branch], source: bytes) -> set[tuple[int, int]]:
    """Return the arcs of the branches to all lines that the other branches of their line do not name."""
    lines = {branch.line for branch in taken if branch.target is None}
    if not lines:
        return set()  # finding all possible arcs takes longer than everything else here
    named = {(branch.line, branch.target) for branch in branches}
    parser = PythonParser(text=source.decode())
    parser.parse_source()
    return {arc for arc in parser.arcs() if arc[0] in lines and arc not in named}
