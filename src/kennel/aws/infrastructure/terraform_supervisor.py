"""The supervisor: a small parent process that ends Terraform with the task that started it.

Run as a program (`python -I -S terraform_supervisor.py`), it reads one line of JSON (what to start) from
its standard input, starts it, reports its pid and at the end its exit status on standard output. When
standard input reaches its end, as it does when the task died, even by `kill -9`, Terraform is interrupted
once, so that it saves its state and frees its lock; it is killed with its providers if it has not ended then.

It needs the standard library only, so that it costs milliseconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

READ_SIZE = 65536
PR_SET_PDEATHSIG = 1  # linux/prctl.h
IGNORED = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)  # they are meant for the task


def _before_exec() -> None:
    for number in IGNORED:
        signal.signal(number, signal.SIG_DFL)  # an ignored signal would stay ignored in Terraform
    if sys.platform == "linux":  # should the supervisor itself be killed: Terraform ends, and saves its state
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)


class Supervisor:
    """Terraform, and when it is to be killed.

    Parameters
    ----------
    specification
        ``argv``, ``cwd``, ``env``; ``stdout`` and ``stderr``, descriptors to write to; ``output``, the
        descriptor to read what was written to ``stdout``; ``grace``, seconds from the task's death to
        Terraform's; ``record`` and ``record_file``, an object to write with the pid, and a descriptor that
        Terraform inherits; ``errored``, the paths from and to which a state is moved that was not saved.
    """

    def __init__(self, specification: dict[str, Any]) -> None:
        self._specification = specification
        self._deadline: float | None = None
        self._interrupted = False
        held = [self._record_file] if self._record_file is not None else []
        self.child = subprocess.Popen(
            specification["argv"],
            cwd=specification["cwd"],
            env=specification["env"],
            stdin=subprocess.DEVNULL,
            stdout=specification["stdout"],
            stderr=specification["stderr"],
            start_new_session=True,
            pass_fds=held,  # a lock on this file is held as long as Terraform runs
            preexec_fn=_before_exec,  # safe: the supervisor has one thread
        )
        for name in ("stdout", "stderr"):
            os.close(specification[name])
        self.write_record(pid=self.child.pid)

    @property
    def _record_file(self) -> int | None:
        descriptor: int | None = self._specification.get("record_file")
        return descriptor

    def write_record(self, **members: Any) -> None:
        """Write the record with more members, for who finds Terraform's lock on the state."""
        if self._record_file is not None:
            self._specification["record"].update(members)
            text = json.dumps(self._specification["record"]).encode()
            os.ftruncate(self._record_file, 0)
            os.pwrite(self._record_file, text, 0)

    def watch(self, wakeup: int) -> None:
        """Return once Terraform has ended, or is to be killed."""
        inputs, pending = [0, wakeup], b""
        while self.child.poll() is None:
            wait = 0.5 if self._deadline is None else self._deadline - time.monotonic()
            if wait <= 0:
                return
            # The timeout also covers a SIGCHLD that came between the polling and the waiting.
            ready, _, _ = select.select(inputs, [], [], min(wait, 0.5))
            if wakeup in ready:
                os.read(wakeup, READ_SIZE)
            if self._specification["output"] in ready:
                os.read(self._specification["output"], READ_SIZE)
            if 0 in ready:
                chunk = os.read(0, READ_SIZE)
                *commands, pending = (pending + chunk).split(b"\n")
                for command in commands:
                    self._interrupt(float(command.split()[1]) if b" " in command else None)
                if not chunk:
                    # Nobody reads Terraform's output any more: it would be ended by SIGPIPE, without saving.
                    inputs = [wakeup, self._specification["output"]]
                    self._interrupt(self._specification["grace"])

    def _interrupt(self, grace: float | None) -> None:
        """Interrupt Terraform, once: the second time it would abort without saving its state."""
        if not self._interrupted:
            self._interrupted = True
            with contextlib.suppress(ProcessLookupError):
                self.child.send_signal(signal.SIGINT)
        if grace is not None:
            deadline = time.monotonic() + grace
            self._deadline = deadline if self._deadline is None else min(self._deadline, deadline)

    def end(self) -> int:
        """Kill what is left; return Terraform's exit status, negative for a signal."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.child.pid, signal.SIGKILL)  # providers outlive a Terraform that was killed
        status = self.child.wait()
        source, target = self._specification["errored"]
        if Path(source).exists():
            shutil.move(source, target)
        self.write_record(ended=time.time(), status=status)
        return status


def _send_report(report: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # the task died
        os.write(1, json.dumps(report).encode() + b"\n")


def _read_specification() -> dict[str, Any] | None:
    line = b""
    while not line.endswith(b"\n"):  # nothing follows it before the pid was reported
        chunk = os.read(0, READ_SIZE)
        if not chunk:
            return None
        line += chunk
    specification: dict[str, Any] = json.loads(line)
    return specification


def main() -> int:
    """Start what standard input specifies, and wait for its end."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake `watch`
    signal.set_wakeup_fd(writing)
    specification = _read_specification()
    if specification is None:
        return 1
    try:
        supervisor = Supervisor(specification)
    except OSError as error:
        _send_report({"error": error.strerror or str(error), "missing": isinstance(error, FileNotFoundError)})
        return 1
    _send_report({"pid": supervisor.child.pid})
    supervisor.watch(reading)
    _send_report({"status": supervisor.end()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
