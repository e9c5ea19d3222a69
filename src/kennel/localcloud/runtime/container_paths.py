"""In the Python of a container's program: paths and hosts that only the container has, and no network.

It is copied into the environment of each workload and loaded at its start; it uses the standard library only.
An access to ``/opt/ml``, or to a function's layers at ``/opt``, which nobody could rewrite fails with an
error that says where the folder is. The names of a job's hosts are those of this machine. A container with
network isolation reaches these hosts only, and not the local cloud.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from typing import Any

ROOT = "KENNEL_CONTAINER_ROOT"  # the variable that says where /opt/ml is
LAYERS = "KENNEL_LAYERS_ROOT"  # the variable that says where a function's layers are
ISOLATED = "KENNEL_ISOLATED_FROM"  # the variable with the local cloud's port, of a container with isolation
CONNECTIONS = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))
LOOKUPS = frozenset(("socket.getaddrinfo", "socket.gethostbyname"))
LOOPBACK = ("127.", "::1", "::ffff:127.", "localhost")
EVENTS = frozenset(
    (
        "open",
        "os.mkdir",
        "os.listdir",
        "os.scandir",
        "os.chdir",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.symlink",
        "ctypes.dlopen",
        "subprocess.Popen",
        "os.posix_spawn",
        "os.exec",
    )
)
CONTAINER_ROOT, LAYERS_ROOT = "/opt/ml", "/opt"
HOST = re.compile(r"algo-\d+")


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse an access to the container's folder by its path in the container; an audit hook."""
    if event not in EVENTS or not arguments or not isinstance(arguments[0], str | bytes | os.PathLike):
        return
    path = os.fsdecode(arguments[0])
    if path == CONTAINER_ROOT or path.startswith(f"{CONTAINER_ROOT}/"):
        raise FileNotFoundError(
            errno.ENOENT,
            f"the local cloud runs no containers: {CONTAINER_ROOT} is here {os.environ[ROOT]}; "
            "paths written out in its scripts lead there, others must come from the SM_* variables",
            path,
        )


def refuse_layers(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse an access to what is in a layer by its path on AWS; an audit hook."""
    if event not in EVENTS or not arguments or not isinstance(arguments[0], str | bytes | os.PathLike):
        return
    path = os.fsdecode(arguments[0])
    here = os.environ.get(LAYERS, "")
    if not path.startswith(f"{LAYERS_ROOT}/") or path.startswith(f"{here}/"):
        return
    if os.access(here + path.removeprefix(LAYERS_ROOT), os.F_OK):
        raise FileNotFoundError(
            errno.ENOENT,
            f"the local cloud runs no containers: {LAYERS_ROOT} is here {here}; paths written out in the "
            f"function's code lead there, others must begin with {LAYERS_ROOT} written out, or with the "
            f"variable {LAYERS}",
            path,
        )


def resolve_hosts() -> None:
    """Let the names of a job's hosts be those of this machine: its hosts are processes."""
    import socket  # costs a start of Python 5 ms, which only containers need

    lookup, by_name = socket.getaddrinfo, socket.gethostbyname

    def local(host: Any) -> Any:
        return "127.0.0.1" if isinstance(host, str) and HOST.fullmatch(host) else host

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        return lookup(local(host), *arguments, **options)

    def gethostbyname(name: str) -> str:
        return by_name(local(name))

    socket.getaddrinfo, socket.gethostbyname = getaddrinfo, gethostbyname


def refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse what leaves this machine, or reaches the local cloud: there is no network; an audit hook."""
    if event in CONNECTIONS:
        address = arguments[1] if len(arguments) > 1 else None
        if not isinstance(address, tuple):  # a socket of this machine's own kind, or one that is connected
            return
        host, port = str(address[0]), str(address[1])
        if not host.startswith(LOOPBACK) or port == os.environ.get(ISOLATED):
            text = f"Network is unreachable: network isolation is enabled, and {host}:{port} is outside"
            raise OSError(errno.ENETUNREACH, text)
    elif event in LOOKUPS:
        import socket  # whoever looks a name up has it already

        host = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes) else ""
        if host and not _is_near(host, socket.gethostname()):
            text = (
                f"Temporary failure in name resolution: network isolation is enabled, and {host} is outside"
            )
            raise socket.gaierror(socket.EAI_AGAIN, text)


def _is_near(host: str, own: str) -> bool:
    """Whether a name is this machine's, or is an address, which no server of names is asked for."""
    return host == own or host.startswith(LOOPBACK) or ":" in host or not host.strip("0123456789.")


if os.environ.get(ROOT):
    sys.addaudithook(refuse)
    resolve_hosts()
if os.environ.get(ISOLATED):
    sys.addaudithook(refuse_network)
if os.environ.get(LAYERS):
    sys.addaudithook(refuse_layers)
