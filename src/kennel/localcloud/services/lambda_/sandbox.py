"""One Lambda sandbox: a deployed zip under AWS's own runtime client, answering one event at a time."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kennel.localcloud import LocalCloudError
from kennel.localcloud.runtime.logs import LogStream, pieces
from kennel.localcloud.runtime.role_session import role_session
from kennel.localcloud.runtime.supervisor import ProcessStartError, supervisors
from kennel.localcloud.runtime.workload import workload_environment
from kennel.localcloud.services.lambda_.deployment import Deployment, unpack
from kennel.localcloud.services.lambda_.runtime_api import Answer, Event, Exit, RuntimeApi

if TYPE_CHECKING:
    from kennel.localcloud.dispatch.cloud import Cloud

SERVICE = "lambda.amazonaws.com"
INIT_SECONDS = 10.0  # https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
TAIL_BYTES = 4096  # what X-Amz-Log-Result holds


@dataclass
class Outcome:
    """What an invocation came to."""

    body: bytes
    error: str  # the X-Amz-Function-Error, empty on success
    tail: bytes  # the end of its log
    seconds: float


class Sandbox:
    """A process of a deployment's runtime, its Runtime API server and its log stream.

    Raises
    ------
    LocalCloudError
        The runtime cannot run on this machine, or the code cannot be unpacked.
    ServiceException
        Lambda may not assume the function's role.
    """

    def __init__(self, cloud: Cloud, deployment: Deployment, kind: str = "on-demand") -> None:
        if importlib.util.find_spec("awslambdaric") is None:
            raise LocalCloudError(
                "awslambdaric, AWS's Lambda runtime client, is not installed (it exists for Linux only): "
                "functions run on Linux"
            )
        self.deployment = deployment
        self.idle_since = time.monotonic()
        self._started = time.monotonic()
        self._fresh, self._broken = True, False
        self._tail = bytearray()
        stream = f"{datetime.now(UTC):%Y/%m/%d}/[{deployment.version}]{uuid.uuid4().hex}"
        root = unpack(deployment, cloud.directory / "functions")
        environment = self._environment(cloud, root, stream, kind)
        self._api = RuntimeApi()
        environment["AWS_LAMBDA_RUNTIME_API"] = self._api.address
        session = role_session(cloud, deployment.role, SERVICE, deployment.name)
        self.log = LogStream(session, deployment.log_group, stream, interval=0.2)
        try:
            self._process = supervisors(cloud).start(
                [sys.executable, "-m", "awslambdaric", deployment.handler],
                cwd=root,
                env=environment,
                stdout=subprocess.PIPE,
            )
        except ProcessStartError as error:
            self._api.close()
            self.log.close()
            raise LocalCloudError(f"function {deployment.name}: {error}") from error
        self._output = _Output(self._process.stdout.fileno() if self._process.stdout else -1, self._said)
        threading.Thread(target=self._watch, name=f"sandbox {deployment.name}", daemon=True).start()

    def _environment(self, cloud: Cloud, root: Path, stream: str, kind: str) -> dict[str, str]:
        deployment = self.deployment
        environment = workload_environment(cloud, deployment.role, SERVICE, deployment.name)
        environment |= {
            "_HANDLER": deployment.handler,
            "LAMBDA_TASK_ROOT": str(root),
            "LAMBDA_RUNTIME_DIR": str(root),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{deployment.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": deployment.name,
            "AWS_LAMBDA_FUNCTION_VERSION": deployment.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(deployment.memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": kind,
            "AWS_LAMBDA_LOG_GROUP_NAME": deployment.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "TZ": ":UTC",
        }
        if deployment.log_format == "JSON":
            environment["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
            environment["AWS_LAMBDA_LOG_LEVEL"] = deployment.log_level or "INFO"
        return {**dict(deployment.variables), **environment}  # reserved names cannot be overridden

    @property
    def usable(self) -> bool:
        """Whether it can take another event."""
        return not self._broken and self._process.poll() is None

    def warm_up(self) -> None:
        """Wait until its initialisation is over, however it ended."""
        with contextlib.suppress(TimeoutError):
            self._api.wait_ready(INIT_SECONDS)

    def invoke(self, request_id: str, payload: bytes, client_context: str = "") -> Outcome:
        """Run one event through it. After an error of the process itself it is not `usable` any more."""
        deployment = self.deployment
        self._tail.clear()
        fresh, self._fresh = self._fresh, False
        failed = self._initialise(request_id) if fresh else None
        initialised = time.monotonic() - self._started if fresh else 0.0
        self._note("start", request_id, {"version": deployment.version})
        started = time.monotonic()
        event = Event(
            request_id=request_id,
            body=payload,
            function_arn=deployment.arn,
            deadline=time.time() + deployment.timeout,
            trace_id=f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
            client_context=client_context,
        )
        try:
            result = failed or self._api.invoke(event)
        except TimeoutError:
            result = self._timed_out(request_id)
        seconds = time.monotonic() - started
        self._output.drain()
        if isinstance(result, Exit):
            result = self._exited(request_id, result)
        self._report(request_id, seconds, initialised if fresh else None)
        self.idle_since = time.monotonic()
        return Outcome(result.body, result.error, bytes(self._tail[-TAIL_BYTES:]), seconds)

    def _initialise(self, request_id: str) -> Answer | Exit | None:
        try:
            failed = self._api.wait_ready(INIT_SECONDS + self.deployment.timeout)
        except TimeoutError:
            return self._timed_out(request_id)
        self._broken = failed is not None
        return failed

    def _timed_out(self, request_id: str) -> Answer:
        self._broken = True
        message = f"Task timed out after {self.deployment.timeout:.2f} seconds"
        self._said(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ} {request_id} {message}")
        return _failure("Sandbox.Timedout", f"RequestId: {request_id} Error: {message}")

    def _exited(self, request_id: str, end: Exit) -> Answer:
        self._broken = True
        if end.status == 0:
            reason = "Runtime exited without providing a reason"
        elif end.status > 0:
            reason = f"Runtime exited with error: exit status {end.status}"
        else:
            names = {-9: "killed", -11: "segmentation fault", -6: "aborted", -15: "terminated"}
            reason = f"Runtime exited with error: signal: {names.get(end.status, -end.status)}"
        self._said(f"RequestId: {request_id} Error: {reason}", "Runtime.ExitError")
        return _failure("Runtime.ExitError", f"RequestId: {request_id} Error: {reason}")

    def close(self) -> None:
        """End the process and send what is left of its log; returns at once."""
        self._broken = True
        self._process.kill()
        self._api.close()

    def _watch(self) -> None:
        while self._output.wait():
            self._output.drain()
        status = self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._api.exited(status or 0)
        self._api.close()
        self.log.close()

    def _said(self, *lines: str) -> None:
        for line in lines:
            self._tail += line.encode() + b"\n"
        del self._tail[: -2 * TAIL_BYTES]
        self.log.write(*lines)

    def _note(self, what: str, request_id: str, record: dict[str, object], text: str = "") -> None:
        if self.deployment.log_format == "JSON":
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            self._said(
                json.dumps(
                    {"time": now, "type": f"platform.{what}", "record": {"requestId": request_id, **record}}
                )
            )
        else:
            self._said(text or f"START RequestId: {request_id} Version: {self.deployment.version}")

    def _report(self, request_id: str, seconds: float, initialised: float | None) -> None:
        duration, billed = seconds * 1000, int(seconds * 1000) + 1
        used = _peak_megabytes(self._process.pid)
        metrics = {"durationMs": round(duration, 3), "billedDurationMs": billed}
        metrics |= {"memorySizeMB": self.deployment.memory, "maxMemoryUsedMB": used}
        text = (
            f"REPORT RequestId: {request_id}\tDuration: {duration:.2f} ms\tBilled Duration: {billed} ms\t"
            f"Memory Size: {self.deployment.memory} MB\tMax Memory Used: {used} MB\t"
        )
        if initialised is not None:
            metrics["initDurationMs"] = round(initialised * 1000, 3)
            text += f"Init Duration: {initialised * 1000:.2f} ms\t"
        if self.deployment.log_format != "JSON":
            self._said(f"END RequestId: {request_id}")
        self._note("report", request_id, {"metrics": metrics}, text)


class _Output:
    """A process's output, read by whoever comes first: its watcher, or an invocation that needs all of it."""

    def __init__(self, descriptor: int, sink: object) -> None:
        self._descriptor, self._sink = descriptor, sink
        self._pending = b""
        self._ended = False
        self._lock = threading.Lock()
        os.set_blocking(descriptor, False)

    def wait(self) -> bool:
        """Wait for output; return whether there may be more."""
        if not self._ended:
            poll = select.poll()  # unlike `select`, it takes descriptors above 1023
            poll.register(self._descriptor, select.POLLIN)
            poll.poll()
        return not self._ended

    def drain(self) -> None:
        """Pass on every line written so far."""
        with self._lock:
            while not self._ended:
                try:
                    chunk = os.read(self._descriptor, 65536)
                except BlockingIOError:
                    return
                self._ended = not chunk
                *lines, self._pending = (self._pending + chunk).split(b"\n")
                if self._ended and self._pending:
                    lines.append(self._pending)
                for line in lines:
                    # The runtime client marks the lines of one message with carriage returns.
                    self._sink(*pieces(line.replace(b"\r", b"\n")))  # type: ignore[operator]


def _failure(kind: str, message: str) -> Answer:
    return Answer(json.dumps({"errorType": kind, "errorMessage": message}).encode(), "Unhandled")


def _peak_megabytes(pid: int) -> int:
    """Return the process's peak resident memory; 0 where the system does not tell, or it is gone."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) // 1024
    return 0
