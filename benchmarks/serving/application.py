"""Our application under uvicorn, and the limit of its runtime: each one a server or a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import load
import processes
from processes import Group

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
_PASSED_ON = ("HOME", "LANG", "PATH", "TMPDIR", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


@contextmanager
def server(release: Path, scratch: Path) -> Iterator[tuple[Group, int]]:
    """Serve an unpacked release with uvicorn, which finds nothing of the project outside the release."""
    port, log = processes.free_port(), scratch / f"uvicorn-{release.name}.log"
    command = [sys.executable, "-P", "-m", "uvicorn", "asgi:application", "--app-dir", str(release / "code")]
    command += ["--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--log-level", "warning"]
    with processes.group(command, _environment(), scratch, log) as started:
        processes.wait_healthy(started, port, log)
        yield started, port


@dataclass
class Limit:
    """The process that decodes and computes, and nothing else."""

    group: Group
    log: Path

    def measure(self, photo: Path, clients: int, requests: int) -> tuple[load.Figures, list[float]]:
        """Return the figures of a load, and the photo's logits.

        Raises
        ------
        load.LoadError
            The process has ended.
        """
        pipes = self.group.process
        assert pipes.stdin is not None
        assert pipes.stdout is not None
        asked = {"photo": str(photo), "clients": clients, "requests": requests}
        pipes.stdin.write(json.dumps(asked).encode() + b"\n")
        pipes.stdin.flush()
        line = pipes.stdout.readline()
        if not line:
            raise load.LoadError(f"the limit ended: {self.log.read_text(errors='replace')[-400:]}")
        answer = json.loads(line)
        return load.Figures(answer["answers"], 0, answer["seconds"]), answer["logits"]


@contextmanager
def limit(release: Path, scratch: Path) -> Iterator[Limit]:
    """Start the limit's process for an unpacked release."""
    log = scratch / f"limit-{release.name}.log"
    command = [sys.executable, "-P", str(HERE / "limit.py"), str(release)]
    # Its own folder, since -P leaves it out.
    environment = {**_environment(), "PYTHONPATH": f"{HERE}:{ROOT / 'src'}"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with processes.group(command, environment, scratch, log, **pipes) as started:
        yield Limit(started, log)
