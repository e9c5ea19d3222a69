"""A tuning job's search in a process of its own: Optuna's imports and its models do not slow the service."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime.supervisor import SupervisedProcess, supervisors
from kennel.localcloud.runtime.workload import temporary_folder
from kennel.localcloud.services.sagemaker.tuning.observation import Observation, Values

PROGRAM = "kennel.localcloud.services.sagemaker.tuning.search_process"
SOURCE = Path(__file__).resolve().parents[5]  # where `kennel` is imported from
# One thread: the matrices are small, and the trials need the processors.
ENVIRONMENT = {
    "PYTHONPATH": str(SOURCE),
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
POLL_SECONDS = 0.2


class SearchError(Exception):
    """The search failed; the text says how."""


class RemoteSearch:
    """A search that runs in a process of its own, started at the first suggestion.

    Parameters
    ----------
    cloud
        The running local cloud.
    strategy
        A name in `search.STRATEGIES`.
    parameter_ranges
        The ``ParameterRanges`` of the request; valid ones.
    seed
        Of the search's random numbers.
    """

    def __init__(self, cloud: Cloud, strategy: str, parameter_ranges: dict[str, Any], seed: int) -> None:
        self._cloud = cloud
        self._task = {"strategy": strategy, "ranges": parameter_ranges, "seed": seed}
        self._thread = ThreadPoolExecutor(1, "tuning search")
        self._process: SupervisedProcess | None = None
        self._stream: TextIO | None = None

    def suggest(self, observations: Sequence[Observation]) -> Future[Values | None]:
        """Begin to choose the next trial's hyperparameters; one suggestion at a time.

        Parameters
        ----------
        observations
            All trials so far, in the order of their start.

        Returns
        -------
        The hyperparameters, or None if there is nothing left to try; or a `SearchError`.
        """
        return self._thread.submit(self._ask, [asdict(observation) for observation in observations])

    def close(self) -> None:
        """End the process."""
        self._kill()  # a suggestion under way fails
        self._thread.shutdown()
        self._kill()  # that suggestion may have been about to start the process
        if self._stream:
            with contextlib.suppress(OSError):  # what the ended process did not read cannot be flushed
                self._stream.close()

    def _kill(self) -> None:
        if self._process:
            self._process.kill()

    def _ask(self, observations: list[dict[str, Any]]) -> Values | None:
        if self._stream is None:
            self._stream = self._start()
            self._send(self._stream, self._task)
        line = ""
        with contextlib.suppress(OSError):  # the connection of a process that has ended
            self._send(self._stream, observations)
            line = self._stream.readline()
        reply: dict[str, Any] = json.loads(line) if line else {"error": "its process has ended"}
        if "error" in reply:
            raise SearchError(f"the search failed: {reply['error']}")
        values: Values | None = reply["values"]
        return values

    @staticmethod
    def _send(stream: TextIO, message: Any) -> None:
        stream.write(json.dumps(message) + "\n")
        stream.flush()

    def _start(self) -> TextIO:
        path = temporary_folder(self._cloud) / f"search-{secrets.token_hex(4)}"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(1)
            listener.settimeout(POLL_SECONDS)
            self._process = supervisors(self._cloud).start(
                [sys.executable, "-m", PROGRAM, str(path)],
                cwd=self._cloud.directory,
                env={**ENVIRONMENT, "PATH": os.environ.get("PATH", "")},
            )
            try:
                connection = self._accept(listener, self._process)
            finally:
                path.unlink()
        connection.settimeout(None)
        with connection:  # the stream keeps it open
            return connection.makefile("rw", encoding="utf-8")

    @staticmethod
    def _accept(listener: socket.socket, process: SupervisedProcess) -> socket.socket:
        while process.poll() is None:
            try:
                return listener.accept()[0]
            except TimeoutError:
                continue
        raise SearchError(f"the search's process ended at its start with exit code {process.poll()}")
