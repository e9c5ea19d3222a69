"""What a running service leaves in its folder and holds on its port, for whoever starts and stops it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
from pathlib import Path
from typing import Any

from kennel.localcloud import LocalCloudError

RECORD = "service.json"
SECRET = "operator-secret"  # noqa: S105 - the name of the file that holds it
SECRET_BYTES = 30
REFUSED = (
    3  # the exit status of a service that cannot read what its folder holds; its log's last line says why
)


def listen(port: int) -> socket.socket:
    """Return a listening socket on 127.0.0.1.

    Parameters
    ----------
    port
        0 takes a free one.

    Raises
    ------
    OSError
        The port is taken, or this user may not take it.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def operator_secret(directory: Path) -> str:
    """Return the secret key of a folder's operator, which is made at its first use.

    Its file and the folder are for their owner only: whoever has the secret can run code as this user.
    """
    path = directory / SECRET
    try:
        return path.read_text()
    except FileNotFoundError:
        pass
    draft = path.with_name(f"{SECRET}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(SECRET_BYTES))
    with contextlib.suppress(FileExistsError):  # another process made one meanwhile
        os.link(draft, path)
    draft.unlink()
    return path.read_text()


def process_start(pid: int) -> str | None:
    """Return when a process started, in whatever form this system gives; None if there is no such process.

    A process id is used again; a process id with its start is not.
    """
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        # A killed process holds its port until the last of its threads has ended.
        ended = fields[0] == "Z" and int(fields[17]) <= 1
        return None if ended else fields[19]
    started = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return started.stdout.strip() or None


def write(directory: Path, status: dict[str, Any]) -> None:
    """Write the record of this process as the service of a folder, in one step.

    Parameters
    ----------
    status
        What ``GET /_kennel/status`` reports.
    """
    draft = (directory / RECORD).with_suffix(".draft")
    draft.write_text(json.dumps({**status, "process_start": process_start(os.getpid())}, indent=1))
    draft.replace(directory / RECORD)


def read(directory: Path) -> dict[str, Any] | None:
    """Return the record of a folder's service; None if there is none.

    Raises
    ------
    LocalCloudError
        The file is not such a record.
    """
    path = directory / RECORD
    try:
        record: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise LocalCloudError(f"{path} is not a service record: delete it") from error
    return record


def is_running(record: dict[str, Any]) -> bool:
    """Return whether the very process that wrote a record still runs, not another with its number."""
    start = process_start(int(record["pid"]))
    return start is not None and start == record.get("process_start")


def remove(directory: Path) -> None:
    """Remove the record; nothing happens if there is none."""
    (directory / RECORD).unlink(missing_ok=True)
