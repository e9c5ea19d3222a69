"""HTTP over a Unix socket, as the service asks model servers.

A port of 127.0.0.1 is open to every user of the machine; a socket in a folder for its owner only is not.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import NewConnectionError


class _UnixConnection(HTTPConnection):
    def __init__(self, *arguments: Any, path: Path, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._path = path

    def connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(self.timeout)
        try:
            sock.connect(str(self._path))
        except OSError as error:
            sock.close()
            raise NewConnectionError(
                self, f"no server accepts connections at {self._path}: {error}"
            ) from error
        self.sock = sock


class UnixConnectionPool(HTTPConnectionPool):
    """Connections to the HTTP server behind a socket, kept for later requests.

    Parameters
    ----------
    path
        The socket: 104 bytes at most.
    connections
        How many are kept.
    """

    ConnectionCls = _UnixConnection

    def __init__(self, path: Path, connections: int) -> None:
        super().__init__("localhost", maxsize=connections, retries=False, path=path)
