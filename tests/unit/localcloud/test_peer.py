"""Who holds the other end of a connection is known, however many other connections begin and end."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator

import pytest

from kennel.localcloud.runtime import peer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the tables of Linux")

OTHER_USER = 54321
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a closed connection leaves no entry behind
# Holds 200 connections, ends them and makes others, until it is killed.
CHANGING = f"""
import socket
server, held = socket.create_server(("127.0.0.1", 0)), []
while True:
    held += [socket.create_connection(server.getsockname()), server.accept()[0]]
    if len(held) == 400:
        for each in held:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, {RESET!r})
            each.close()
        held = []
        print(flush=True)
"""


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def without_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel without sock_diag."""
    monkeypatch.setattr(peer, "NETLINK_SOCK_DIAG", 31)


def test_the_client_is_known_while_other_connections_begin_and_end(server: socket.socket) -> None:
    changing = subprocess.Popen([sys.executable, "-c", CHANGING], stdout=subprocess.PIPE)
    try:
        assert changing.stdout is not None
        changing.stdout.readline()
        with socket.create_connection(server.getsockname()), server.accept()[0] as accepted:
            ends = accepted.getpeername(), accepted.getsockname()
            assert [peer.is_own(*ends) for _ in range(3000)].count(False) == 0
        assert changing.poll() is None
    finally:
        changing.kill()
        changing.communicate()


def test_a_connection_that_nobody_has_is_not_own(server: socket.socket) -> None:
    assert not peer.is_own(("127.0.0.1", 1), server.getsockname())


@pytest.mark.usefixtures("without_lookup")
def test_the_list_of_connections_is_read_without_a_lookup(server: socket.socket) -> None:
    with socket.create_connection(server.getsockname()), server.accept()[0] as accepted:
        ends = accepted.getpeername(), accepted.getsockname()
        assert peer._looked_up(*ends) is None
        assert peer.is_own(*ends)
    assert not peer.is_own(("127.0.0.1", 1), server.getsockname())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
@pytest.mark.parametrize("lookup", [True, False], ids=["sock_diag", "list"])
def test_another_users_connection_is_not_own(
    server: socket.socket, request: pytest.FixtureRequest, lookup: bool
) -> None:
    if not lookup:
        request.getfixturevalue("without_lookup")
    os.seteuid(OTHER_USER)  # a socket belongs to whom its process acts as when it is made
    try:
        client = socket.create_connection(server.getsockname())
    finally:
        os.seteuid(0)
    with client, server.accept()[0] as accepted:
        assert not peer.is_own(accepted.getpeername(), accepted.getsockname())
