"""`python -m kennel`, which the launcher runs: invoke with the project's name and tasks.py."""

from __future__ import annotations

import os
import signal
import sys

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # Ctrl-C during the imports below; `main` handles it afterwards.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

from importlib import import_module
from pathlib import Path
from typing import Any

from invoke import Collection, Program

from kennel.commands.failures import reported
from kennel.version import VERSION


class KennelProgram(Program):
    """invoke's program for calls whose arguments have been read already.

    Parameters
    ----------
    calls
        The tasks to run, each with its arguments: `kennel.commands.command_line` reads them, because invoke
        takes ``--help`` for a positional argument and reports most mistakes without a remedy.
    """

    def __init__(self, tasks: Collection, calls: list[tuple[str, dict[str, Any]]] | None = None) -> None:
        super().__init__(name="Kennel", binary="./kennel", version=VERSION, namespace=tasks)
        self.calls = calls or []

    def task_list_opener(self, extra: str = "") -> str:
        """Return the heading of the list of tasks; `extra` describes its layout."""
        return f"Tasks ({extra})" if extra else "Tasks"

    def _make_pairs(self, coll: Collection, ancestors: list[str] | None = None) -> list[tuple[str, Any]]:
        """Return the rows of the list of tasks."""
        from kennel.commands.command_line import shown

        return [(shown(name), text) for name, text in super()._make_pairs(coll, ancestors)]

    def parse_tasks(self) -> None:
        """Take the calls in place of the rest of the command line."""
        self.tasks = self.calls  # type: ignore[assignment]  # the executor takes both

    def execute(self) -> None:
        """Run the tasks; an interruption is reported, which invoke would end in silence with code 1."""
        with reported():
            super().execute()


def main(argv: list[str] | None = None) -> None:
    """Run the tasks named on the command line, and exit with their exit code."""
    if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with reported():
            try:
                _run((sys.argv if argv is None else argv)[1:])
            finally:
                sys.stdout.flush()  # here, so that a full disk below it is reported
    except BrokenPipeError:  # `./kennel --list | head` closes the pipe early, which is not an error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None


def _run(words: list[str]) -> None:
    from kennel.commands import command_line
    from kennel.commands.help_text import help_of

    root = str(Path(__file__).resolve().parents[2])
    if root not in sys.path:
        sys.path.insert(0, root)  # tasks.py is in the repository's root, where plain `invoke` finds it too
    tasks = Collection.from_module(import_module("tasks"), loaded_from=root)
    by_name = command_line.named(tasks)
    flags = {
        f"-{name}" if len(name) == 1 else f"--{name}": argument
        for argument in KennelProgram(tasks).core_args()
        for name in argument.names
    }
    request = command_line.read(words, by_name, flags)
    if request.help_for:
        print(help_of(request.help_for, by_name[request.help_for]))
        raise SystemExit(0)
    KennelProgram(tasks, request.calls).run(["kennel", *request.program])


if __name__ == "__main__":
    main()
