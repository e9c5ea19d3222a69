"""Runs a script of ``benchmarks/`` in its own process, so that nothing else is measured."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kennel.errors import KennelError

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 120  # for a benchmark to end its servers and a local cloud


def run(script: str, arguments: list[str], progress: Callable[[str], None]) -> dict[str, Any]:
    """Run a benchmark and return the JSON document that it prints.

    Raises
    ------
    KennelError
        It failed; the text holds its last line.
    """
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "benchmarks" / script), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    line = ""
    try:
        for line in process.stderr:
            progress(line.strip())
        output = process.stdout.read()
        code = process.wait()
    except BaseException:
        _stop(process)
        raise
    if code != 0:
        raise KennelError(f"benchmarks/{script} failed: {line.strip()}")
    return json.loads(output)


def _stop(process: subprocess.Popen[str]) -> None:
    """End a benchmark, which first ends what it has started; interrupts that come meanwhile are ignored.

    `timeout` sends its signal twice: a benchmark that is killed at the second one leaves its servers behind.
    """
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        process.terminate()
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
