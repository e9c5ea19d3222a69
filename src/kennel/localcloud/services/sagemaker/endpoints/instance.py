"""One instance of an endpoint's variant: a model server process, watched and started again when it dies."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import urllib3

from kennel.localcloud.runtime.logs import LogStream, lines_of
from kennel.localcloud.runtime.supervisor import ProcessStartError, SupervisedProcess, supervisors
from kennel.localcloud.runtime.workload import workload_environment

if TYPE_CHECKING:
    from kennel.localcloud.dispatch.cloud import Cloud
    from kennel.localcloud.runtime.role_session import RoleSession

log = logging.getLogger(__name__)

MODEL_SERVER = Path(__file__).resolve().with_name("model_server.py")
PING_SECONDS = 0.1
BACKOFF = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)  # before each further start of a server that keeps dying
CONNECTIONS = 64
INVOCATION_SECONDS = (
    60.0  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
)


@dataclass(frozen=True)
class Serving:
    """What every instance of a variant is started from."""

    endpoint: str
    variant: str
    session: RoleSession = field(compare=False)
    base: Path  # its /opt/ml, with the model unpacked
    variables: dict[str, str] = field(compare=False)
    startup_seconds: float


class UnavailableError(Exception):
    """The instance has no server at this moment."""


class Instance:
    """A model server under a supervisor; `start` returns at once.

    Attributes
    ----------
    healthy : threading.Event
        Set while the server answers `/ping`.
    """

    def __init__(self, cloud: Cloud, serving: Serving) -> None:
        self._cloud, self.serving = cloud, serving
        self.name = f"i-{uuid.uuid4().hex[:17]}"
        self.healthy = threading.Event()
        self.settled = threading.Event()  # its first start succeeded or failed
        self.failure = ""
        self.last_lines: deque[str] = deque(maxlen=12)
        self._closing = threading.Event()
        self._process: SupervisedProcess | None = None
        self._pool: urllib3.HTTPConnectionPool | None = None
        stream = f"{serving.variant}/{self.name}"
        self._log = LogStream(serving.session, f"/aws/sagemaker/Endpoints/{serving.endpoint}", stream)

    @property
    def pid(self) -> int | None:
        """The server's process id, while there is one."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the server and keep it running until `close`."""
        threading.Thread(target=self._supervise, name=f"instance {self.name}", daemon=True).start()

    def request(self, body: bytes, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """Ask the server for a prediction.

        Raises
        ------
        UnavailableError
            There is no server just now.
        urllib3.exceptions.HTTPError
            It did not answer, or not in time.
        """
        pool = self._pool
        if pool is None or not self.healthy.is_set():
            raise UnavailableError(self.name)
        return pool.urlopen("POST", "/invocations", body, headers, retries=False, timeout=INVOCATION_SECONDS)

    def close(self) -> None:
        """Stop the server, kindly."""
        self._closing.set()
        self.healthy.clear()
        if self._process:
            self._process.terminate(grace=5)

    def _supervise(self) -> None:
        attempt = 0
        while not self._closing.is_set():
            started = time.monotonic()
            try:
                status = self._serve()
            except Exception as error:  # whatever it is, the instance did not start
                log.exception("instance %s of endpoint %s", self.name, self.serving.endpoint)
                status, self.failure = None, str(error)
            self.healthy.clear()
            if self._closing.is_set() or not self.settled.is_set():
                self.failure = self.failure or f"its model server ended with {_ending(status)}"
                break
            attempt = 0 if time.monotonic() - started > 60 else attempt + 1
            self._log.write(
                f"The model server of {self.name} ended with {_ending(status)}; starting it again."
            )
            self._closing.wait(BACKOFF[min(attempt, len(BACKOFF)) - 1])
        self.settled.set()
        self._log.close()

    def _serve(self) -> int | None:
        """Run the server once; return its exit status."""
        port = _free_port()
        command = [sys.executable, "-P", str(MODEL_SERVER), "--port", str(port)]
        serving, session = self.serving, self.serving.session
        environment = workload_environment(self._cloud, session.role_arn, session.service, session.name)
        environment |= {
            "SAGEMAKER_BASE_DIR": str(serving.base),
            "SM_MODEL_DIR": str(serving.base / "model"),
            "SAGEMAKER_SAFE_PORT_RANGE": f"{port}-{port}",
            "SAGEMAKER_BIND_TO_PORT": str(port),
            "ENDPOINT_NAME": serving.endpoint,
            "PYTHONUNBUFFERED": "TRUE",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PYTHONPATH": str(serving.base / "model" / "code"),
            **serving.variables,
        }
        try:
            self._process = process = supervisors(self._cloud).start(
                command, cwd=serving.base, env=environment, stdout=subprocess.PIPE
            )
        except ProcessStartError as error:
            self.failure = str(error)
            return None
        if self._closing.is_set():  # closed while it started
            process.kill()
        reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        reader.start()
        pool = urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=CONNECTIONS, retries=False)
        if self._wait_healthy(pool, process):
            self._pool = pool
            self.healthy.set()
            self.settled.set()
        status = process.wait()
        self.healthy.clear()
        reader.join(10)
        pool.close()
        return status

    def _wait_healthy(self, pool: urllib3.HTTPConnectionPool, process: SupervisedProcess) -> bool:
        deadline = time.monotonic() + self.serving.startup_seconds
        while process.poll() is None:
            try:
                if pool.urlopen("GET", "/ping", retries=False, timeout=2).status == 200:
                    return True
            except urllib3.exceptions.HTTPError:
                pass  # it does not listen yet
            if time.monotonic() > deadline:
                self.failure = f"it did not answer /ping in {self.serving.startup_seconds:.0f} seconds"
                process.kill()
                break
            process.wait(PING_SECONDS)
        return False

    def _read(self, process: SupervisedProcess) -> None:
        if process.stdout:
            for line in lines_of(process.stdout):
                self.last_lines.append(line)
                self._log.write(line)
            process.stdout.close()


def _ending(status: int | None) -> str:
    if status is None:
        return "no process"
    return f"exit status {status}" if status >= 0 else f"signal {-status}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
