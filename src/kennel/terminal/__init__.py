"""Output for users: tables on standard output, progress and one-line errors on standard error.

A table is drawn for the terminal that shows it; in a pipe or a file it is aligned text. With
``--json``, tables go to standard error, because standard output is the document's alone.
"""

from __future__ import annotations

import io
import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from kennel.terminal import layout

console = Console(stderr=True, highlight=False)
_results = Console(highlight=False)
_tables = _results
_printed: list[str] = []  # titles of the tables printed as text: a blank line divides two of them
_lines: list[Live] = []  # the progress line that a terminal shows
COLUMN_GAP = 2  # between two columns of a drawn table
_steps: list[str] = []  # what runs now, the outermost first; after an error, what ran when it was raised


def current_step() -> str:
    """Return the name of the work that runs, or that an error has just ended; empty if there is none."""
    return _steps[-1] if _steps else ""


@contextmanager
def _as_step(name: str) -> Iterator[None]:
    """Make this the current step; an error leaves it so, for the message about the error."""
    depth = len(_steps)
    _steps.append(name)
    yield
    del _steps[depth:]


def result_console() -> Console:
    """Return the console of standard output, or of standard error while a document has that."""
    return _tables


def print_line(line: str) -> None:
    """Print one line on standard error."""
    console.print(line, markup=False, soft_wrap=True)


def can_ask() -> bool:
    """Return whether somebody can answer a question here."""
    return sys.stdin.isatty() and console.is_terminal


def ask(question: str) -> bool:
    """Print a question on standard error and return whether the answer is ``yes``."""
    with _without_progress():
        console.print(f"{question}Type yes to go on: ", end="", markup=False, soft_wrap=True)
        return sys.stdin.readline().strip().lower() == "yes"


def print_json(document: Any) -> None:
    """Print the JSON document of a ``--json`` run on standard output."""
    json.dump(document, sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")
    sys.stdout.flush()


def print_warning(message: str) -> None:
    """Print a warning in one line."""
    console.print(Text.assemble(("warning ", "bold yellow"), " ".join(message.split())), soft_wrap=True)


def print_error(message: str) -> None:
    """Print an error in one line."""
    console.print(Text.assemble(("error ", "bold red"), " ".join(message.split())), soft_wrap=True)


def tables_to_stderr(wanted: bool) -> None:
    """Print tables on standard error from now on, or again on standard output."""
    global _tables
    _tables = console if wanted else _results


@contextmanager
def recording(width: int) -> Iterator[Console]:
    """Yield a terminal that shows nothing and keeps what is printed, results and lines alike.

    Parameters
    ----------
    width
        Columns.
    """
    global console, _tables
    before = console, _tables
    console = _tables = Console(
        file=io.StringIO(), record=True, width=width, force_terminal=True, highlight=False
    )
    try:
        yield console
    finally:
        console, _tables = before


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, grouped: bool = False
) -> None:
    """Print a table; columns of numbers are aligned to the right.

    What is too long for a terminal's line is continued on the next one, never cut.

    Parameters
    ----------
    grouped
        Rows of the same first cell belong together: a terminal shows it once, with a gap between groups.
    """
    rows = [list(row) for row in rows]
    numbers = [
        bool(rows) and all(isinstance(row[index], int | float) for row in rows if row[index] is not None)
        for index in range(len(columns))
    ]
    texts = [[_text(cell) for cell in row] for row in rows]
    if _tables.is_terminal:
        _tables.print(_drawn(title, columns, texts, numbers, grouped))
        return
    print_line(title)
    if _printed:
        _tables.print()
    _printed.append(title)
    for line in layout.aligned([list(columns), *texts], numbers):
        _tables.print(line, markup=False, soft_wrap=True)


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return f"{cell:.3f}" if isinstance(cell, float) else " ".join(str(cell).split())


def _drawn(
    title: str, columns: Sequence[str], rows: list[list[str]], numbers: list[bool], grouped: bool
) -> Table:
    """Return a table that fits the terminal."""
    drawn = Table(
        title=Text(title, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    widths = layout.fitting([list(columns), *rows], _tables.width - COLUMN_GAP * len(columns))
    for column, is_number, width in zip(columns, numbers, widths, strict=True):
        drawn.add_column(column, justify="right" if is_number else "left", width=width, overflow="fold")
    previous = None
    for row in rows:
        repeated = grouped and row[0] == previous
        if grouped and not repeated and previous is not None:
            drawn.add_section()
        previous = row[0]
        drawn.add_row(*(Text(cell) for cell in ["" if repeated else row[0], *row[1:]]))
    return drawn


@contextmanager
def progress(title: str) -> Iterator[Any]:
    """Yield a function that shows the latest progress line of an operation.

    A terminal shows one line beside a spinner. Elsewhere lines are printed, at most one per second, so
    that a log stays short.
    """
    started = time.monotonic()
    with _as_step(title), _shown(title) as show:
        yield show
    print_line(f"{title}: {time.monotonic() - started:.1f} s")


@contextmanager
def _without_progress() -> Iterator[None]:
    """Take the progress line, which is drawn again and again, off the terminal while something is asked."""
    for live in _lines:
        live.stop()
    try:
        yield
    finally:
        for live in _lines:
            live.start()


@contextmanager
def _shown(title: str) -> Iterator[Callable[[str], None]]:
    if console.is_terminal:
        spinner = Spinner("dots", text=title)
        with Live(spinner, console=console, transient=True, refresh_per_second=8) as live:
            _lines.append(live)

            def show(line: str) -> None:
                width = max(20, console.width - 14)
                spinner.update(text=Text(f"{title}: {line}"[:width]))

            try:
                yield show
            finally:
                _lines.remove(live)
    else:
        last = 0.0

        def show(line: str) -> None:
            nonlocal last
            if time.monotonic() - last >= 1:
                last = time.monotonic()
                print_line(f"{title}: {line}")

        yield show


@dataclass
class _Step:
    name: str
    started: float = 0.0
    seconds: float = 0.0
    state: str = "waiting"
    line: str = ""
    # Created once, not for each frame: a spinner's position depends on the time since its creation.
    spinner: Spinner = field(default_factory=lambda: Spinner("dots"))


class Steps:
    """A live list of steps with their state and duration.

    Use as a context manager; run each step within :meth:`step`.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._steps = [_Step(name) for name in names]
        self._lock = threading.Lock()
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Steps:
        if console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if console.is_terminal:
            self._live.stop()

    @contextmanager
    def step(self, name: str) -> Iterator[Any]:
        """Run one step; yield a function that receives its progress lines."""
        step = next(step for step in self._steps if step.name == name)
        step.state, step.started = "running", time.monotonic()
        if not console.is_terminal:
            print_line(f"{name} …")

        def show(line: str) -> None:
            with self._lock:
                step.line = line

        try:
            with _as_step(name):
                yield show
            step.state = "done"
        except BaseException:
            step.state = "failed"
            raise
        finally:
            step.seconds = time.monotonic() - step.started
            if not console.is_terminal:
                print_line(f"{name}: {step.state} after {step.seconds:.1f} s")

    def _render(self) -> RenderableType:
        grid = Table.grid(padding=(0, 1))
        with self._lock:
            for step in self._steps:
                marks: dict[str, RenderableType] = {
                    "waiting": Text("·", style="dim"),
                    "running": step.spinner,
                    "done": Text("✓", style="green"),
                    "failed": Text("✗", style="red"),
                }
                seconds = step.seconds or (time.monotonic() - step.started if step.state == "running" else 0)
                line = step.line if step.state == "running" else ""
                grid.add_row(
                    marks[step.state],
                    Text(step.name, style="dim" if step.state == "waiting" else ""),
                    Text(f"{seconds:6.1f} s" if seconds else "", style="cyan"),
                    Text(line[: max(10, console.width - 60)], style="dim"),
                )
        return Group(grid)
