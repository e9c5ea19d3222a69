"""Trainings as processes of their own, on drawn photos."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from kennel.sample_photos.draw import draw

SRC = Path(__file__).parents[3] / "src"
CLASSES = 7
PER_CLASS = {"train": 2, "valid": 1, "test": 1}
MEASURED = ("test_top1", "test_loss", "macro_f1", "ece", "val_loss", "valid_top1", "epochs")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("photos") / "data"
    return draw(target, classes=CLASSES, per_class=PER_CLASS, size=96, workers=1)


def plain_environment() -> dict[str, str]:
    """Return the variables of a training."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SM_")}
    return kept | {"PYTHONPATH": python_path(), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": loopback()}


def python_path() -> str:
    """Return the import path of a training: what records its coverage stays on it."""
    return os.pathsep.join(filter(None, [str(SRC), os.environ.get("PYTHONPATH")]))


class Training:
    """A training that runs: its process is one that `forking` forked."""

    def __init__(self, pid: int, stdout: IO[str], wait: Callable[[int], int]) -> None:
        self.pid = pid
        self.stdout = stdout
        self.returncode: int | None = None
        self._wait = wait

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def finish(self) -> str:
        """Return the rest of what it prints, once it has ended."""
        with self.stdout:
            printed = self.stdout.read()
        self.returncode = self._wait(self.pid)
        return printed


class Forks:
    """The process that trainings are forked off."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forking.py"))],
            env=plain_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def start(self, *arguments: str, **variables: str) -> Training:
        """Start a training."""
        pipe = self._folder / str(next(self._numbers))
        os.mkfifo(pipe)
        pid = self._ask(arguments=arguments, variables={**plain_environment(), **variables}, output=str(pipe))
        return Training(pid, pipe.open(), lambda pid: self._ask(wait=pid))

    def end(self) -> None:
        """End it, and whatever training still runs."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def _ask(self, **request: Any) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())


@pytest.fixture(scope="package")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    forks = Forks(tmp_path_factory.mktemp("forks"))
    yield forks
    forks.end()


Start = Callable[..., Training]


@pytest.fixture(scope="package")
def start(forks: Forks) -> Start:
    """Start trainings: photos, target, more arguments, variables."""

    def run(photos: Path, target: Path, *extra: str, **environment: str) -> Training:
        arguments = ["--data", str(photos), "--model-dir", str(target), "--no-plots"]
        return forks.start(*arguments, "--epochs", "4", "--workers", "1", *extra, **environment)

    return run


def loopback() -> str:
    return "lo" if sys.platform == "linux" else "lo0"


def metrics(folder: Path) -> dict[str, Any]:
    document = json.loads((folder / "metrics.json").read_text())
    return {name: document[name] for name in MEASURED}
