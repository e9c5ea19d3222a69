"""The progress of work whose amount is known: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from kennel import terminal

LINE_SECONDS = 5.0  # between two lines in a log


@contextmanager
def counted(title: str, total: int, things: str) -> Iterator[Callable[[], None]]:
    """Yield a function to call for each thing that is done.

    Parameters
    ----------
    things
        What is counted, in the plural.
    """
    if terminal.console.is_terminal:
        columns = (
            TextColumn(title),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(things),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=terminal.console, transient=True) as bar:
            task = bar.add_task(title, total=total)
            yield lambda: bar.advance(task)
    else:
        done, last = 0, time.monotonic()

        def count() -> None:
            nonlocal done, last
            done += 1
            if time.monotonic() - last >= LINE_SECONDS:
                last = time.monotonic()
                terminal.print_line(f"{title}: {done} of {total} {things}")

        yield count
