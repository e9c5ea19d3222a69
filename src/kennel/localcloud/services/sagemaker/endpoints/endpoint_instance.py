"""One instance of an endpoint's variant: a model server process, watched and started again when it ends."""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import urllib3

from kennel.localcloud.clock import Participant
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime import container_paths, python_environment
from kennel.localcloud.runtime.logs import LogStream
from kennel.localcloud.runtime.role_session import RoleSession
from kennel.localcloud.runtime.supervisor import ProcessStartError
from kennel.localcloud.runtime.unix_http import UnixConnectionPool
from kennel.localcloud.runtime.workload import Workload, temporary_folder
from kennel.localcloud.services.sagemaker.endpoints.model_request import (
    INVOCATION_SECONDS,
    Answer,
    OpenAnswer,
    opened,
)
from kennel.localcloud.services.sagemaker.endpoints.model_servers import ModelServer
from kennel.localcloud.services.sagemaker.endpoints.restarts import STABLE_SECONDS, restart_delay
from kennel.localcloud.services.sagemaker.endpoints.server_watch import ServerWatch

log = logging.getLogger(__name__)

PING_SECONDS = 0.1  # between two health checks of a server that starts
TERMINATION_GRACE = 5.0
CONNECTIONS = 64
LAST_LINES = 12


@dataclass(frozen=True)
class InstanceSettings:
    """What every instance of a variant is started from."""

    endpoint: str
    variant: str
    session: RoleSession = field(compare=False)
    base: Path  # its /opt/ml, with the model unpacked
    server: ModelServer
    isolated: bool  # without a network
    variables: dict[str, str] = field(compare=False)
    startup_seconds: float  # of the health check, by the machine's clock
    log_group: str


class InstanceUnavailableError(Exception):
    """The instance has no server at this moment that takes a request; it has got nothing of this one."""


class EndpointInstance:
    """A model server under a supervisor; `start` returns at once.

    Parameters
    ----------
    cloud, settings
        The local cloud, and what the server is started from.
    launch_seconds
        How long the instance takes to be there before that, by the clock.

    Attributes
    ----------
    healthy : threading.Event
        Set while the server answers `/ping`.
    settled, ended : threading.Event
        Set once the first start has succeeded or failed; once the server has ended and its log is written.
    failure : str
        Why the first start failed.
    last_lines : deque of str
        The end of the server's output.
    served_since : float
        When the server's last start succeeded, or began; by the machine's clock, monotonic.
    idle_since : float
        When the last request ended, or the instance was made; by the clock, monotonic.
    setup_seconds : float
        How long a request has waited for its start, until that is published; 0 for none.
    """

    def __init__(self, cloud: Cloud, settings: InstanceSettings, launch_seconds: float = 0.0) -> None:
        self.settings, self._clock, self._launch_seconds = settings, cloud.clock, launch_seconds
        self._directory = cloud.directory
        self.name = f"i-{uuid.uuid4().hex[:17]}"
        self.healthy, self.settled, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.failure = ""
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._closing = threading.Event()
        self._requests, self._answered = 0, threading.Condition()
        self.idle_since, self.setup_seconds = self._clock.monotonic(), 0.0
        self._watch: ServerWatch | None = None
        self.served_since = 0.0
        self._log = LogStream(settings.session, settings.log_group, f"{settings.variant}/{self.name}")
        self._sockets = temporary_folder(cloud)
        self._workload = Workload(cloud, settings.session, self._log, self.last_lines.append)

    def start(self) -> None:
        """Start the server and keep it running until `close`."""
        participant = self._clock.participant(f"the start of {self.name}")
        threading.Thread(
            target=self._keep_running, args=(participant,), name=f"instance {self.name}", daemon=True
        ).start()

    def request(self, body: bytes, headers: dict[str, str], seconds: float | None = None) -> Answer:
        """Return the server's whole answer; see `opened`."""
        with self.opened(body, headers, seconds) as answer:
            return answer.whole()

    @contextlib.contextmanager
    def opened(
        self, body: bytes, headers: dict[str, str], seconds: float | None = None
    ) -> Iterator[OpenAnswer]:
        """Ask the server for a prediction; it takes the place that `hold` or `reserve` has held.

        Raises
        ------
        InstanceUnavailableError
            There is no server at this moment, or it accepts no connection.
        IncompleteAnswerError, urllib3.exceptions.HTTPError
            As of `model_request.opened`.
        """
        watch = self._watch
        try:
            if watch is None:
                raise InstanceUnavailableError(f"{self.name} is not in service")
            with watch.request(), opened(watch.pool, body, headers, seconds) as answer:
                yield answer
        except urllib3.exceptions.NewConnectionError as error:
            self.healthy.clear()  # until a health check succeeds
            raise InstanceUnavailableError(f"{self.name} refused the connection") from error
        finally:
            self.release()

    def hold(self) -> bool:
        """Hold a place for one request; return whether it takes requests."""
        with self._answered:
            if self.serving:
                self._requests += 1
                return True
            return False

    def reserve(self) -> None:
        """Hold a place for one request of an instance that starts."""
        with self._answered:
            self._requests += 1

    def release(self) -> None:
        """Give a place back."""
        with self._answered:
            self._requests -= 1
            self.idle_since = self._clock.monotonic()
            self._answered.notify_all()

    @property
    def outstanding(self) -> int:
        """How many requests it works on."""
        return self._requests

    @property
    def pid(self) -> int | None:
        """The process of its server; None while there is none."""
        return self._workload.pid if self.healthy.is_set() else None

    @property
    def serving(self) -> bool:
        """Whether it takes requests."""
        return self.healthy.is_set() and not self._closing.is_set()

    def retire(self) -> None:
        """Take no further request, wait until those under way are answered, and end the server."""
        with self._answered:
            self._clock.set(self._closing)
            self._answered.wait_for(lambda: not self._requests, INVOCATION_SECONDS)
        self.close()

    def close(self) -> None:
        """Ask the server to end, whatever it is working on; does not wait."""
        self._clock.set(self._closing)
        self.healthy.clear()
        self._workload.terminate(TERMINATION_GRACE)

    def _keep_running(self, participant: Participant) -> None:
        with self._clock.taking_part(participant):
            self._start_again_and_again()

    def _settle(self) -> None:
        """Say that the first start is over; until now the clock waited for it."""
        self._clock.set(self.settled)
        self._clock.leave()

    def _start_again_and_again(self) -> None:
        short_lives = 0
        if self._clock.wait(self._launch_seconds, self._closing):
            self.failure = "it was ended before its start"
        while not self._closing.is_set():
            self.served_since = time.monotonic()
            try:
                ending = self._serve()
            except Exception as error:  # whatever it is, the instance did not start
                log.exception("instance %s of endpoint %s", self.name, self.settings.endpoint)
                ending = str(error)
            if self._closing.is_set() or not self.settled.is_set():
                self.failure = f"its model server {ending}"
                break
            stable = time.monotonic() - self.served_since > STABLE_SECONDS
            short_lives = 0 if stable else short_lives + 1
            self._log.write(f"The model server of {self.name} {ending}; starting it again.")
            self._closing.wait(restart_delay(short_lives))
        self._settle()
        self._workload.close()
        self.ended.set()

    def _serve(self) -> str:
        """Run the server once; return how it ended."""
        settings, workload = self.settings, self._workload
        socket = self._sockets / f"{self.name}-{secrets.token_hex(4)}"  # of this start alone
        try:
            self._start_server(socket)
        except ProcessStartError as error:
            return f"did not start: {error}"
        if self._closing.is_set():  # closed while it started
            workload.terminate(0)
        pool = UnixConnectionPool(socket, CONNECTIONS)
        watch, ended, late = ServerWatch(pool), threading.Event(), ""
        keeper = threading.Thread(
            target=self._keep_answering, args=(watch, ended), name=f"watch {self.name}", daemon=True
        )
        if self._start_up(watch):
            self.served_since = time.monotonic()
            self._watch = watch
            self.healthy.set()
            self._settle()
            keeper.start()
        elif workload.alive:
            late = f"did not answer /ping in {settings.startup_seconds:.0f} seconds"
            workload.terminate(0)
        status = workload.wait()
        ended.set()
        if keeper.ident:
            keeper.join()
        self._watch = None
        self.healthy.clear()
        workload.join_output(10)
        pool.close()
        socket.unlink(missing_ok=True)
        return late or f"ended with {_describe_status(status)}"

    def _start_server(self, socket: Path) -> None:
        settings, environment = self.settings, self._environment()
        command = python_environment.with_requirements(
            settings.server.command(python_environment.python(environment), socket),
            settings.base / "model/code/requirements.txt",
            self._directory,
            environment,
        )
        self._workload.start(command, cwd=settings.base, env=environment)

    def _keep_answering(self, watch: ServerWatch, ended: threading.Event) -> None:
        """End the server when it answers no longer; `_keep_running` then starts it again."""
        if reason := watch.keep(ended, self.healthy):
            self.healthy.clear()
            self._log.write(f"The model server of {self.name} {reason}; it is ended.")
            self._workload.terminate(0)

    def _environment(self) -> dict[str, str]:
        settings = self.settings
        return {
            **self._workload.environment(settings.base / "home", isolated=settings.isolated),
            **settings.server.environment(settings.base),
            "ENDPOINT_NAME": settings.endpoint,
            container_paths.ROOT: str(settings.base),
            **settings.variables,
        }

    def _start_up(self, watch: ServerWatch) -> bool:
        """Ask for the server's health until it is well (True), ends, or takes too long (False)."""
        deadline = time.monotonic() + self.settings.startup_seconds
        while not watch.ping():
            if not self._workload.alive or time.monotonic() > deadline:
                return False
            self._workload.wait(PING_SECONDS)
        return True


def _describe_status(status: int | None) -> str:
    if status is None:
        return "no process"
    return f"exit status {status}" if status >= 0 else f"signal {-status}"
