"""Whether the service can listen on a port, and who holds it otherwise."""

from __future__ import annotations

from kennel.errors import UsageError
from kennel.localcloud import LocalCloudError, service_record
from kennel.localcloud.connection import request_status


class PortError(UsageError, LocalCloudError):
    """The port cannot be used."""


def check_port(port: int) -> None:
    """Return if this user can listen on a port.

    Raises
    ------
    PortError
        Another process listens there, or the port is reserved; the text names the remedy.
    """
    try:
        service_record.listen(port).close()
    except PermissionError as error:
        raise PortError(
            f"this user may not listen on port {port}: take one from 1024 on, or --port 0 for a free one"
        ) from error
    except OSError as error:
        raise _port_taken(port) from error


def _port_taken(port: int) -> PortError:
    response = request_status(port, seconds=1.5)
    if response and "pid" in response:
        holder = f"a local cloud (process {response['pid']})"
        remedy = "stop that one with ./kennel local.down, or start this one on another port with --port 0"
    else:
        holder, remedy = "another program", "stop it, or start the local cloud on another port with --port 0"
    return PortError(f"port {port} on 127.0.0.1 is taken by {holder}: {remedy}")
