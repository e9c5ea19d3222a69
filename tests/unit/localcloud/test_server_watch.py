"""When a model server counts as one that answers no longer; with a clock that only adds."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3

from kennel.localcloud.runtime.unix_http import UnixConnectionPool
from kennel.localcloud.services.sagemaker.endpoints.server_watch import SILENT_SECONDS, ServerWatch


class Server:
    """A pool of connections to a server whose health checks have the outcome `health`."""

    def __init__(self) -> None:
        self.health: int | None = 200
        self.seconds = 0.0
        self.watch = ServerWatch(self, lambda: self.seconds)  # type: ignore[arg-type] # as far as it is used

    def urlopen(self, method: str, path: str, **_: Any) -> Any:
        assert (method, path) == ("GET", "/ping")
        if self.health is None:
            raise urllib3.exceptions.ReadTimeoutError(self, path, "no answer")  # type: ignore[arg-type]
        return SimpleNamespace(status=self.health)


@pytest.fixture
def server() -> Server:
    return Server()


def time_out(server: Server, *, another: bool = False) -> None:
    """Let a request run into its time limit; another one may be answered meanwhile."""

    def run() -> None:
        with server.watch.request():
            server.seconds += 30
            if another:
                with server.watch.request():
                    pass
            server.seconds += 30
            raise urllib3.exceptions.ReadTimeoutError(server, "/invocations", "no answer")  # type: ignore[arg-type]

    with pytest.raises(urllib3.exceptions.TimeoutError):
        run()


@pytest.mark.parametrize("health", [None, 503])
def test_a_server_that_is_not_well_for_long_must_be_replaced(server: Server, health: int | None) -> None:
    server.health = health
    for _ in range(5):
        server.seconds += SILENT_SECONDS / 5
        assert not server.watch.ping()
        assert not server.watch.fault()
    server.seconds += 1
    assert server.watch.fault() == f"has answered nothing for {SILENT_SECONDS + 1:.0f} seconds"


def test_a_server_that_answers_requests_is_busy_not_stuck(server: Server) -> None:
    server.health = None
    for _ in range(5):
        server.seconds += SILENT_SECONDS - 1
        server.watch.ping()
        with server.watch.request():
            pass
    assert not server.watch.fault()


def test_a_server_whose_requests_run_into_their_limit_is_stuck_even_if_it_is_well(server: Server) -> None:
    time_out(server)
    assert server.watch.ping()
    assert "time limit" in server.watch.fault()


def test_a_request_that_runs_into_its_limit_beside_others_that_are_answered_is_only_slow(
    server: Server,
) -> None:
    time_out(server, another=True)
    assert server.watch.ping()
    assert not server.watch.fault()


def test_an_answer_of_a_later_request_shows_that_a_server_is_not_stuck(server: Server) -> None:
    time_out(server)
    with server.watch.request():
        pass
    assert not server.watch.fault()


def test_a_refused_connection_is_no_time_out(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(str(tmp_path / "s"))
        pool = UnixConnectionPool(tmp_path / "s", 1)
        watch = ServerWatch(pool)
        with pytest.raises(urllib3.exceptions.NewConnectionError), watch.request():
            pool.urlopen("POST", "/invocations", b"x", {}, retries=False)
    assert not watch.fault()


def test_a_watch_ends_with_its_server(server: Server) -> None:
    ended, healthy = threading.Event(), threading.Event()
    ended.set()
    assert server.watch.keep(ended, healthy) == ""
