"""Which user of the machine holds the other end of a connection over 127.0.0.1: Linux knows."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
from pathlib import Path

CONNECTIONS = Path("/proc/net/tcp")  # proc(5): the ends in fields 2 and 3, the user in field 8

# sock_diag(7): one connection is looked up by its ends. All numbers are those of Linux's headers.
NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY, REQUEST = 20, 1  # the type of the message and its flags
HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port of netlink
QUESTION = struct.Struct("=BBBxI")  # family, protocol, extensions, states
ENDS = struct.Struct("!HH4s12x4s12x4x8s")  # ports, addresses, any interface, any cookie
USER = struct.Struct("=16x4x48x12xI")  # in the answer, behind header, state, ends, timer and queues
ANY_STATE, ANY_COOKIE = 0xFFFFFFFF, b"\xff" * 8
ANSWER_SECONDS = 5.0

Address = tuple[str, int]


def is_own(client: Address, server: Address) -> bool:
    """Return whether a process of this process's user holds the client's end of a connection.

    A port is open to every user, and what AWS's own programs speak over it has no credential. False if the
    system does not know the connection: its client has gone.

    Parameters
    ----------
    client, server
        The connection's ends: addresses of IPv4, and ports.
    """
    user = _looked_up(client, server)
    users = _listed(client, server) if user is None else {user}
    return users == {os.getuid()}


def _looked_up(client: Address, server: Address) -> int | None:
    """Return who holds an end; None if there is no such connection, or no way to ask for it."""
    ends = ENDS.pack(
        client[1], server[1], socket.inet_aton(client[0]), socket.inet_aton(server[0]), ANY_COOKIE
    )
    question = QUESTION.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, ANY_STATE) + ends
    header = HEADER.pack(HEADER.size + len(question), SOCK_DIAG_BY_FAMILY, REQUEST, 1, 0)
    with (
        contextlib.suppress(OSError, AttributeError),  # a system that is not Linux, or without sock_diag
        socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG) as kernel,
    ):
        kernel.settimeout(ANSWER_SECONDS)
        kernel.send(header + question)
        answer = kernel.recv(4096)
        if HEADER.unpack_from(answer)[1] == SOCK_DIAG_BY_FAMILY:
            user: int = USER.unpack_from(answer)[0]
            return user
    return None


def _listed(client: Address, server: Address) -> set[int]:
    """Return who holds an end by the list of all connections, which may lack some while others change."""
    ends = [_spelled(client), _spelled(server)]
    try:
        with CONNECTIONS.open() as lines:
            return {int(fields[7]) for line in lines if (fields := line.split())[1:3] == ends}
    except OSError:
        return set()


def _spelled(address: Address) -> str:
    """Return an address as the kernel prints it: the four bytes as one number of this machine's order."""
    number = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{number:08X}:{address[1]:04X}"
