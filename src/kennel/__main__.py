"""`python -m kennel`, what the launcher runs: invoke under the project's own name, over tasks.py."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

from invoke import Collection, Program

VERSION = "0.1.0"


class Kennel(Program):
    """invoke's program; only what it calls itself and its list differs."""

    def task_list_opener(self, extra: str = "") -> str:
        """Head the list of tasks, with `extra` words about its layout."""
        return f"Tasks ({extra})" if extra else "Tasks"


def with_names(argv: list[str], tasks: Collection) -> list[str]:
    """Return the arguments with the names of leading ones put in: ``data.upload DIR --name dogs``."""
    named: list[str] = []
    leading: str | None = None
    for word in argv:
        known = word in tasks
        if leading and not known and not word.startswith("-"):
            named.append(f"--{leading}")
        named.append(word)
        leading = getattr(tasks[word], "leading", None) if known else None
    return named


def main(argv: list[str] | None = None) -> None:
    """Run the tasks named on the command line; exits with the code that they ask for."""
    root = str(Path(__file__).resolve().parents[2])
    if root not in sys.path:
        sys.path.insert(0, root)  # tasks.py lies in the repository's root, where plain `invoke` looks too
    tasks = Collection.from_module(import_module("tasks"), loaded_from=root)
    try:
        given = sys.argv if argv is None else argv
        program = Kennel(name="Kennel", binary="./kennel", version=VERSION, namespace=tasks)
        program.run([*given[:1], *with_names(given[1:], tasks)])
        sys.stdout.flush()
    except BrokenPipeError:  # `./kennel --list | head`: nobody reads on, which is no error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None


if __name__ == "__main__":
    main()
