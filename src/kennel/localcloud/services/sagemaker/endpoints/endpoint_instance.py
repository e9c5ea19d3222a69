"""One instance of an endpoint's variant: a model server process, watched and started again when it ends."""

from __future__ import annotations

import logging
import sys
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import urllib3

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime.logs import LogStream
from kennel.localcloud.runtime.ports import free_port
from kennel.localcloud.runtime.role_session import RoleSession
from kennel.localcloud.runtime.supervisor import ProcessStartError
from kennel.localcloud.runtime.workload import Workload

log = logging.getLogger(__name__)

MODEL_SERVER = Path(__file__).resolve().with_name("model_server.py")
PING_SECONDS = 0.1
BACKOFF = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before each further start of a server that keeps ending
STABLE_SECONDS = 60.0  # a server that ran for so long counts as healthy: its next start is not delayed
TERMINATION_GRACE = 5.0
CONNECTIONS = 64
LAST_LINES = 12
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
INVOCATION_SECONDS = 60.0


@dataclass(frozen=True)
class InstanceSettings:
    """What every instance of a variant is started from."""

    endpoint: str
    variant: str
    session: RoleSession = field(compare=False)
    base: Path  # its /opt/ml, with the model unpacked
    variables: dict[str, str] = field(compare=False)
    startup_seconds: float


class InstanceUnavailableError(Exception):
    """The instance has no server at this moment."""


class EndpointInstance:
    """A model server under a supervisor; `start` returns at once.

    Attributes
    ----------
    healthy : threading.Event
        Set while the server answers `/ping`.
    settled : threading.Event
        Set once the first start has succeeded or failed.
    failure : str
        Why the first start failed.
    last_lines : deque of str
        The end of the server's output.
    """

    def __init__(self, cloud: Cloud, settings: InstanceSettings) -> None:
        self.settings = settings
        self.name = f"i-{uuid.uuid4().hex[:17]}"
        self.healthy, self.settled = threading.Event(), threading.Event()
        self.failure = ""
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._closing = threading.Event()
        self._requests, self._answered = 0, threading.Condition()
        self._pool: urllib3.HTTPConnectionPool | None = None
        group, stream = f"/aws/sagemaker/Endpoints/{settings.endpoint}", f"{settings.variant}/{self.name}"
        self._log = LogStream(settings.session, group, stream)
        self._workload = Workload(cloud, settings.session, self._log, self.last_lines.append)

    def start(self) -> None:
        """Start the server and keep it running until `close`."""
        threading.Thread(target=self._keep_running, name=f"instance {self.name}", daemon=True).start()

    def request(self, body: bytes, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """Ask the server for a prediction.

        Raises
        ------
        InstanceUnavailableError
            There is no server at this moment.
        urllib3.exceptions.HTTPError
            It did not answer, or not in time.
        """
        with self._answered:
            pool = self._pool
            if pool is None or not self.serving:
                raise InstanceUnavailableError(self.name)
            self._requests += 1
        try:
            return pool.urlopen(
                "POST", "/invocations", body, headers, retries=False, timeout=INVOCATION_SECONDS
            )
        finally:
            with self._answered:
                self._requests -= 1
                self._answered.notify_all()

    @property
    def serving(self) -> bool:
        """Whether it takes requests."""
        return self.healthy.is_set() and not self._closing.is_set()

    def retire(self) -> None:
        """Take no further request, wait until those under way are answered, and end the server."""
        with self._answered:
            self._closing.set()
            self._answered.wait_for(lambda: not self._requests, INVOCATION_SECONDS)
        self.close()

    def close(self) -> None:
        """Ask the server to end, whatever it is working on; does not wait."""
        self._closing.set()
        self.healthy.clear()
        self._workload.terminate(TERMINATION_GRACE)

    def _keep_running(self) -> None:
        attempt = 0
        while not self._closing.is_set():
            started = time.monotonic()
            try:
                status = self._serve()
            except Exception as error:  # whatever it is, the instance did not start
                log.exception("instance %s of endpoint %s", self.name, self.settings.endpoint)
                status, self.failure = None, str(error)
            self.healthy.clear()
            if self._closing.is_set() or not self.settled.is_set():
                self.failure = self.failure or f"its model server ended with {_describe_status(status)}"
                break
            attempt = 1 if time.monotonic() - started > STABLE_SECONDS else attempt + 1
            self._log.write(
                f"The model server of {self.name} ended with {_describe_status(status)}; starting it again."
            )
            self._closing.wait(BACKOFF[min(attempt, len(BACKOFF)) - 1])
        self.settled.set()
        self._workload.close()

    def _serve(self) -> int | None:
        """Run the server once; return its exit status, or None if it did not start."""
        port, workload = free_port(), self._workload
        command = [sys.executable, "-P", str(MODEL_SERVER), "--port", str(port)]
        try:
            workload.start(command, cwd=self.settings.base, env=self._environment(port))
        except ProcessStartError as error:
            self.failure = str(error)
            return None
        if self._closing.is_set():  # closed while it started
            workload.terminate(0)
        pool = urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=CONNECTIONS, retries=False)
        if self._wait_healthy(pool):
            self._pool = pool
            self.healthy.set()
            self.settled.set()
        status = workload.wait()
        self.healthy.clear()
        workload.join_output(10)
        pool.close()
        return status

    def _environment(self, port: int) -> dict[str, str]:
        base = self.settings.base
        return {
            **self._workload.environment(),
            "SAGEMAKER_BASE_DIR": str(base),
            "SM_MODEL_DIR": str(base / "model"),
            "SAGEMAKER_SAFE_PORT_RANGE": f"{port}-{port}",
            "SAGEMAKER_BIND_TO_PORT": str(port),
            "ENDPOINT_NAME": self.settings.endpoint,
            "PYTHONUNBUFFERED": "TRUE",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PYTHONPATH": str(base / "model" / "code"),
            **self.settings.variables,
        }

    def _wait_healthy(self, pool: urllib3.HTTPConnectionPool) -> bool:
        """Ask for the server's health until it answers (True), ends, or takes too long (False)."""
        deadline = time.monotonic() + self.settings.startup_seconds
        while self._workload.alive:
            try:
                if pool.urlopen("GET", "/ping", retries=False, timeout=2).status == 200:
                    return True
            except urllib3.exceptions.HTTPError:
                pass  # it does not listen yet
            if time.monotonic() > deadline:
                self.failure = f"it did not answer /ping in {self.settings.startup_seconds:.0f} seconds"
                self._workload.terminate(0)
                break
            self._workload.wait(PING_SECONDS)
        return False


def _describe_status(status: int | None) -> str:
    if status is None:
        return "no process"
    return f"exit status {status}" if status >= 0 else f"signal {-status}"
