"""Forks trainings off one process that has imported PyTorch: to import it would take longer than they do.

A line of standard input is a training to start, with its arguments, its variables and the named pipe for what
it prints, or one to wait for. The answer is a line of standard output: its process id, or its exit code.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import sys

TRAINING = "kennel.classifier.training"
NETWORKS = "torchvision.models"


def become(arguments: list[str], variables: dict[str, str], output: str) -> None:
    """Go on as the process of a training, as if it had been started with these variables."""
    os.environ.clear()
    os.environ.update(variables)
    printed = os.open(output, os.O_WRONLY)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (printed, 1), (printed, 2)):
        os.dup2(source, target)
    for descriptor in (printed, nothing):
        os.close(descriptor)
    sys.argv = [TRAINING, *arguments]
    try:
        runpy.run_module(TRAINING, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = int(end.code or 0)
        atexit._run_exitfuncs()  # what records coverage; taking PyTorch apart would take a second
        sys.stdout.flush()
        os._exit(code)


def main() -> None:
    """Start and wait for trainings until standard input ends."""
    for module in (NETWORKS, TRAINING):
        importlib.import_module(module)
    gc.freeze()  # what a collection touches would be copied for each training
    del sys.modules[TRAINING]  # each training runs it anew, as `python -m` does
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        if "wait" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                become(**request)
                return
        print(answer, flush=True)


if __name__ == "__main__":
    main()
