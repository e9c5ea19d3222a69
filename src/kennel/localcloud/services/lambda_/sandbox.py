"""One Lambda sandbox: a version's zip under AWS's own runtime client, handling one event at a time."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from kennel.localcloud import LocalCloudError
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime import python_environment
from kennel.localcloud.runtime.role_session import role_session
from kennel.localcloud.runtime.supervisor import ProcessStartError
from kennel.localcloud.runtime.workload import Workload
from kennel.localcloud.services.lambda_.function_log import FunctionLog
from kennel.localcloud.services.lambda_.function_version import FunctionVersion, unpack, unpack_layers
from kennel.localcloud.services.lambda_.layers import layer_environment
from kennel.localcloud.services.lambda_.runtime_api import (
    InvocationEvent,
    RuntimeApi,
    RuntimeExit,
    RuntimeResponse,
)

SERVICE = "lambda.amazonaws.com"
INIT_SECONDS = 10.0  # https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
SIGNALS = {-9: "killed", -11: "segmentation fault", -6: "aborted", -15: "terminated"}


@dataclass
class InvocationResult:
    """How an invocation ended."""

    body: bytes
    error: str  # the X-Amz-Function-Error, empty on success
    tail: bytes  # the end of its log
    seconds: float


class Sandbox:
    """A process of a version's runtime, its Runtime API server and its log stream.

    Attributes
    ----------
    ended : threading.Event
        Set once the process has ended and its log is written.

    Raises
    ------
    LocalCloudError
        The runtime cannot run on this machine, or the code cannot be unpacked.
    AwsError
        Lambda may not assume the function's role.
    """

    def __init__(
        self, cloud: Cloud, version: FunctionVersion, initialization_type: str = "on-demand"
    ) -> None:
        if importlib.util.find_spec("awslambdaric") is None:
            raise LocalCloudError(
                "awslambdaric, AWS's Lambda runtime client, is not installed (it exists for Linux only): "
                "functions run on Linux"
            )
        self.version = version
        self._clock = cloud.clock
        self.idle_since = self._clock.monotonic()
        self._started = time.monotonic()
        self._fresh, self._broken, self.ended = True, False, threading.Event()
        opt = unpack_layers(version, cloud.directory / "layers")
        root = unpack(version, cloud.directory / "functions", opt)
        session = role_session(cloud, version.role, SERVICE, version.name)
        stream = f"{cloud.clock.now():%Y/%m/%d}/[{version.version}]{uuid.uuid4().hex}"
        self._log = FunctionLog(session, version, stream)
        self._workload = Workload(cloud, session, self._log)
        environment = self._environment(root, opt, stream, initialization_type)
        self._api = RuntimeApi()
        environment["AWS_LAMBDA_RUNTIME_API"] = self._api.address
        try:
            self._workload.start(
                [python_environment.python(environment), "-m", "awslambdaric", version.handler],
                cwd=root,
                env=environment,
            )
        except ProcessStartError as error:
            self._api.close()
            raise LocalCloudError(f"function {version.name}: {error}") from error
        threading.Thread(target=self._watch, name=f"sandbox {version.name}", daemon=True).start()

    def _environment(
        self, root: Path, opt: Path | None, stream: str, initialization_type: str
    ) -> dict[str, str]:
        version = self.version
        environment = self._workload.environment() | {
            "_HANDLER": version.handler,
            "LAMBDA_TASK_ROOT": str(root),
            "LAMBDA_RUNTIME_DIR": str(root),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{version.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": version.name,
            "AWS_LAMBDA_FUNCTION_VERSION": version.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(version.memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": initialization_type,
            "AWS_LAMBDA_LOG_GROUP_NAME": version.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "TZ": ":UTC",
        }
        if version.log_format == "JSON":
            environment["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
            environment["AWS_LAMBDA_LOG_LEVEL"] = version.log_level or "INFO"
        own = dict(version.variables)
        if opt:
            layered = layer_environment(opt, own, environment["PATH"])
            environment["PATH"] = layered["PATH"]
            own = layered
        return {**own, **environment}  # reserved names cannot be overridden

    @property
    def usable(self) -> bool:
        """Whether it can take another event."""
        return not self._broken and self._workload.alive

    def warm_up(self) -> None:
        """Wait until its initialisation has ended, with or without success."""
        with contextlib.suppress(TimeoutError):
            self._api.wait_ready(INIT_SECONDS)

    def invoke(
        self, request_id: str, payload: bytes, client_context: str = "", invoked_arn: str = ""
    ) -> InvocationResult:
        """Run one event. After an error of the process itself the sandbox is not `usable` any more.

        Parameters
        ----------
        invoked_arn
            What the invocation names, an alias perhaps; by default the version.
        """
        self._log.begin_tail()
        fresh, self._fresh = self._fresh, False
        failed = self._initialise(request_id) if fresh else None
        init_seconds = time.monotonic() - self._started if fresh else None
        self._log.start(request_id)
        started = time.monotonic()
        event = InvocationEvent(
            request_id=request_id,
            body=payload,
            function_arn=invoked_arn or self.version.arn,
            deadline=time.time() + self.version.timeout,
            trace_id=f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
            client_context=client_context,
        )
        try:
            response = failed or self._api.invoke(event)
        except TimeoutError:
            response = self._timed_out(request_id)
        seconds = time.monotonic() - started
        self._workload.drain()
        if isinstance(response, RuntimeExit):
            response = self._exited(request_id, response)
        self._log.report(request_id, seconds, init_seconds, _peak_megabytes(self._workload.pid))
        self.idle_since = self._clock.monotonic()
        return InvocationResult(response.body, response.error, self._log.tail(), seconds)

    def _initialise(self, request_id: str) -> RuntimeResponse | RuntimeExit | None:
        try:
            failed = self._api.wait_ready(INIT_SECONDS + self.version.timeout)
        except TimeoutError:
            return self._timed_out(request_id)
        self._broken = failed is not None
        return failed

    def _timed_out(self, request_id: str) -> RuntimeResponse:
        self._broken = True
        message = f"Task timed out after {self.version.timeout:.2f} seconds"
        self._log.write(f"{self._clock.now():%Y-%m-%dT%H:%M:%S.%fZ} {request_id} {message}")
        return _failure("Sandbox.Timedout", f"RequestId: {request_id} Error: {message}")

    def _exited(self, request_id: str, end: RuntimeExit) -> RuntimeResponse:
        self._broken = True
        if end.status == 0:
            reason = "Runtime exited without providing a reason"
        elif end.status > 0:
            reason = f"Runtime exited with error: exit status {end.status}"
        else:
            reason = f"Runtime exited with error: signal: {SIGNALS.get(end.status, -end.status)}"
        self._log.write(f"RequestId: {request_id} Error: {reason}", "Runtime.ExitError")
        return _failure("Runtime.ExitError", f"RequestId: {request_id} Error: {reason}")

    def close(self) -> None:
        """End the process; the rest of its log is sent in the background.

        Its Runtime API ends behind it: without that, a process that still runs would write that it is gone.
        """
        self._broken = True
        self._workload.terminate(0)

    def _watch(self) -> None:
        status = self._workload.wait()
        self._workload.join_output()
        self._api.exited(status or 0)
        self._api.close()
        self._workload.close()
        self.ended.set()


def _failure(error_type: str, message: str) -> RuntimeResponse:
    return RuntimeResponse(
        json.dumps({"errorType": error_type, "errorMessage": message}).encode(), "Unhandled"
    )


def _peak_megabytes(pid: int | None) -> int:
    """Return the process's peak resident memory; 0 where the system has no such figure, or after its end."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) // 1024
    return 0
