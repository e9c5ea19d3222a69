"""In the Python of a container's program: paths and hosts that only the container has.

It is copied into the environment of each workload and loaded at its start; it uses the standard library only.
An access to ``/opt/ml``, or to a function's layers at ``/opt``, which nobody could rewrite fails with an
error that says where the folder is. The names of a job's hosts are those of this machine.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from typing import Any

ROOT = "KENNEL_CONTAINER_ROOT"  # the variable that says where /opt/ml is
LAYERS = "KENNEL_LAYERS_ROOT"  # the variable that says where a function's layers are
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


if os.environ.get(ROOT):
    sys.addaudithook(refuse)
    resolve_hosts()
if os.environ.get(LAYERS):
    sys.addaudithook(refuse_layers)
