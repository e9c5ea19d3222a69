"""What a process and all that it started use of the machine, from Linux's /proc."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


class Usage(NamedTuple):
    """The processor time that a tree of processes has used, in seconds, and its resident memory in bytes."""

    cpu: float
    memory: int


def tree_usage(pid: int) -> Usage | None:
    """Return what a process and its descendants use; None where the system has no such figures.

    The time of descendants that have ended counts once their parent has taken note of their end.
    """
    processes = _processes()
    if pid not in processes:
        return None
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    tree, ticks, pages = [pid], 0, 0
    while tree:
        member = tree.pop()
        ticks += processes[member].ticks
        pages += processes[member].pages
        tree += [other for other, process in processes.items() if process.parent == member]
    return Usage(ticks / tick, pages * page)


class _Process(NamedTuple):
    parent: int
    ticks: int
    pages: int


def _processes() -> dict[int, _Process]:
    """Return this machine's processes by their number; none without /proc."""
    processes = {}
    for path in PROC.glob("[0-9]*/stat"):
        try:
            # The fields follow the program's name, which is in brackets and may hold anything: proc(5).
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        processes[int(path.parent.name)] = _Process(
            parent=int(fields[1]), ticks=sum(map(int, fields[11:15])), pages=int(fields[21])
        )
    return processes
