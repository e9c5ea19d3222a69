"""Ends a program that talks to an endpoint which has died: it would try again for minutes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from kennel.aws import session
from kennel.aws.infrastructure.terraform_process import TerraformProcess

INTERVAL_SECONDS = 1.0
CONNECT_SECONDS = 5.0
REFUSALS = 2  # in a row: one may be a restart
END_SECONDS = 3.0  # for the program to end by itself


@dataclass
class EndpointWatch:
    """What a watch has seen: ``failure`` is the line about a dead endpoint, else empty."""

    failure: str = ""


@contextlib.contextmanager
def watching(process: TerraformProcess) -> Iterator[EndpointWatch]:
    """End a process once the configured endpoint refuses connections.

    AWS's own endpoints are not watched: they do not end. An endpoint that is busy does not refuse.
    """
    watch = EndpointWatch()
    url = session.endpoint_url()
    if not url:
        yield watch
        return
    done = threading.Event()
    thread = threading.Thread(target=_watch, args=(url, process, watch, done), daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        done.set()
        thread.join()


def _watch(url: str, process: TerraformProcess, watch: EndpointWatch, done: threading.Event) -> None:
    refusals = 0
    while not done.wait(INTERVAL_SECONDS):
        refusals = refusals + 1 if _refuses(url) else 0
        if refusals == REFUSALS:
            watch.failure = (
                f"{url} refuses connections, its service has ended: "
                "start it again with ./kennel local.up, its folder's service.log says why it ended"
            )
            process.interrupt(END_SECONDS)
            return


def _refuses(url: str) -> bool:
    address = urlsplit(url)
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname or "", port), CONNECT_SECONDS).close()
    except ConnectionRefusedError:
        return True
    except OSError:  # busy, or a network that has failed for a moment
        return False
    return False
