"""A release on the real Ray Serve, started as in AWS's image, behind the adapter that the image has."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import processes
from processes import Group, StartError

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE.parents[1] / ".venv-ray"
MAKE = "PYTHONPATH=. .venv/bin/python -m bootstrap.extra ray"
"""The command that makes the environment."""


@dataclass
class RayServe:
    """The groups of processes that serve, and the adapter's port."""

    port: int
    groups: list[Group]
    start_seconds: float

    def pids(self) -> list[int]:
        """Return all its processes."""
        return sorted({pid for group in self.groups for pid in group.pids()})

    def memory(self) -> float:
        """Return its memory in MB."""
        return sum(group.memory() for group in self.groups)


def _environment(release: Path, ray_port: int) -> dict[str, str]:
    kept = ("HOME", "LANG", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PATH": f"{ENVIRONMENT / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": f"{release}:{release / 'code'}",  # as the image's entry point sets it
        "RAY_ADDRESS": f"127.0.0.1:{ray_port}",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_SERVE_LOG_TO_STDERR": "1",
    }


@contextmanager
def server(release: Path, scratch: Path) -> Iterator[RayServe]:
    """Serve an unpacked release for the block.

    The image has fixed ports, 8000 for Ray Serve and 8080 for the adapter; here they are free ones.

    Raises
    ------
    processes.StartError
        Ray, Ray Serve or the application did not start.
    """
    began = time.monotonic()
    ray_port, serve_port, port = (processes.free_port() for _ in range(3))
    environment = _environment(release, ray_port)
    programs = ENVIRONMENT / "bin"
    # Ray's sockets lie below its folder, and their paths may have 107 bytes.
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True))
        groups: list[Group] = []

        def start(name: str, *command: str | Path) -> Group:
            log = scratch / f"{name}.log"
            groups.append(
                stack.enter_context(processes.group([*map(str, command)], environment, scratch, log))
            )
            return groups[-1]

        options = ["--head", f"--port={ray_port}", "--include-dashboard=False", "--num-gpus=0", "--block"]
        options.append(f"--ray-client-server-port={processes.free_port()}")  # fixed by default
        head = start("ray", programs / "ray", "start", *options, f"--temp-dir={folder}")
        _wait_ready(head, scratch / "ray.log", "Ray runtime started")
        _run(programs / "serve", ["start", "--http-host=127.0.0.1", f"--http-port={serve_port}"], environment)
        application = start("serve", programs / "serve", "run", release / "config.yaml")
        _wait_deployed(application, serve_port, scratch / "serve.log")
        adapter = start(
            "adapter", programs / "python", "-P", HERE / "sagemaker_adapter.py", str(port), str(serve_port)
        )
        processes.wait_healthy(adapter, port, scratch / "adapter.log")
        yield RayServe(port, groups, time.monotonic() - began)


def _run(program: Path, arguments: list[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [program, *arguments], env=dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StartError(f"{program.name} {arguments[0]} failed: {done.stderr[-600:]}")


def _wait_ready(started: Group, log: Path, line: str) -> None:
    deadline = time.monotonic() + processes.START_SECONDS
    while line not in (text := log.read_text(errors="replace")):
        if started.process.poll() is not None or time.monotonic() > deadline:
            raise StartError(f"{log.stem} did not start: {text[-600:]}")
        time.sleep(0.1)


def _wait_deployed(started: Group, port: int, log: Path) -> None:
    """Wait until the application has a route: Ray Serve is healthy before that."""
    deadline = time.monotonic() + processes.START_SECONDS
    while time.monotonic() < deadline and started.process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/ping")
            if connection.getresponse().status == http.client.OK:
                return
        time.sleep(0.2)
    raise StartError(f"Ray Serve did not deploy: {log.read_text(errors='replace')[-600:]}")
