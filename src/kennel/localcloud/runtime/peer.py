"""Which user of the machine holds the other end of a connection over 127.0.0.1, by Linux's own tables."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

CONNECTIONS = Path("/proc/net/tcp")  # proc(5): the ends in fields 2 and 3, the user in field 8

Address = tuple[str, int]


def is_own(client: Address, server: Address) -> bool:
    """Return whether a process of this process's user holds the client's end of a connection.

    A port is open to every user, and what AWS's own programs speak over it has no credential. False if the
    connection is not in the system's tables: its client has gone, or the system has none.

    Parameters
    ----------
    client, server
        The connection's ends: addresses of IPv4, and ports.
    """
    ends = [_spelled(client), _spelled(server)]
    try:
        with CONNECTIONS.open() as lines:
            uids = [fields[7] for line in lines if (fields := line.split())[1:3] == ends]
    except OSError:
        return False
    return uids == [str(os.getuid())]


def _spelled(address: Address) -> str:
    """Return an address as the kernel prints it: the four bytes as one number of this machine's order."""
    number = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{number:08X}:{address[1]:04X}"
