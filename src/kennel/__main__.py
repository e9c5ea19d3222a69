"""`python -m kennel`, which the launcher runs: invoke with the project's name and tasks.py."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

from invoke import Collection, Program

from kennel.version import VERSION


class KennelProgram(Program):
    """invoke's program with another heading for the list of tasks."""

    def task_list_opener(self, extra: str = "") -> str:
        """Return the heading of the list of tasks; `extra` describes its layout."""
        return f"Tasks ({extra})" if extra else "Tasks"


def with_names(argv: list[str], tasks: Collection) -> list[str]:
    """Insert the names of arguments that may be given first without one.

    ``data.upload DIR --name dogs`` becomes ``data.upload --directory DIR --name dogs``.
    """
    completed: list[str] = []
    leading: str | None = None
    for word in argv:
        is_task = word in tasks
        if leading and not is_task and not word.startswith("-"):
            completed.append(f"--{leading}")
        completed.append(word)
        leading = getattr(tasks[word], "leading", None) if is_task else None
    return completed


def main(argv: list[str] | None = None) -> None:
    """Run the tasks named on the command line, and exit with their exit code."""
    root = str(Path(__file__).resolve().parents[2])
    if root not in sys.path:
        sys.path.insert(0, root)  # tasks.py is in the repository's root, where plain `invoke` finds it too
    tasks = Collection.from_module(import_module("tasks"), loaded_from=root)
    try:
        arguments = sys.argv if argv is None else argv
        program = KennelProgram(name="Kennel", binary="./kennel", version=VERSION, namespace=tasks)
        program.run([*arguments[:1], *with_names(arguments[1:], tasks)])
        sys.stdout.flush()
    except BrokenPipeError:  # `./kennel --list | head` closes the pipe early, which is not an error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None


if __name__ == "__main__":
    main()
