"""Writes a cloud's state to disk, a moment after it changed and at the end, and reads it at the start.

A snapshot is written by a forked process: it holds the state of one moment, while the service goes on
answering. It goes to a draft, which replaces the last snapshot when it is complete and on disk: whenever the
service is killed, the last complete snapshot is there.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import logging
import os
import select
import signal
import sys
import threading
import time
import warnings
from pathlib import Path

from kennel.localcloud import LocalCloudError
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.moto_adapter.object_contents import ContentFolder
from kennel.localcloud.persistence import snapshot_file, state

log = logging.getLogger(__name__)

QUIET_SECONDS = 0.25  # how long a snapshot waits for a moment without calls
REST = 10  # after a snapshot: so many times as long as it took. It uses a tenth of one core at most.
GRACE_SECONDS = 5.0  # for a process that hangs to say where, before it is killed
RETRY_SECONDS = 10.0  # after a snapshot that failed
PR_SET_PDEATHSIG = 1  # linux/prctl.h
OBJECTS = "objects"  # the folder of S3's objects, in that of the state
RECURSION = 10_000
# Loaded here: a forked process of a service with threads should load nothing.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class StateKeeper:
    """Keeps a cloud's state on disk.

    Parameters
    ----------
    cloud
        The cloud.
    contents
        The files of S3's objects: those that no snapshot refers to any more are removed.
    """

    def __init__(self, cloud: Cloud, contents: ContentFolder) -> None:
        self._cloud, self._contents = cloud, contents
        self._folder = snapshot_file.folder(cloud.directory)
        self._not_kept: list[str] = []
        self._thread = threading.Thread(target=self._keep, name="state keeper", daemon=True)

    def restore(self) -> bool:
        """Read the last snapshot, if there is one; return whether there was.

        Raises
        ------
        LocalCloudError
            It cannot be read, or an object's file is missing.
        """
        directory, path = self._cloud.directory, self._folder / snapshot_file.SNAPSHOT
        (self._folder / snapshot_file.DRAFT).unlink(missing_ok=True)
        if path.exists():
            with snapshot_file.open_state(directory) as (header, file):
                try:
                    state.load(self._cloud, file)
                except Exception as error:
                    log.exception("%s", path)
                    raise snapshot_file.unreadable(path, error) from error
                log.info("restored what was saved at %s", header.saved_at)
            if self._contents.missing:
                count = len(self._contents.missing)
                missing = FileNotFoundError(f"{count} files of objects are missing in {self._contents.path}")
                raise snapshot_file.unreadable(path, missing)
        self._contents.remove_unknown()
        return path.exists()

    def start(self) -> None:
        """Begin to write snapshots, in the background."""
        self._thread.start()

    def close(self) -> None:
        """Write the last snapshot, if anything changed, and stop."""
        self._cloud.changes.close()
        if self._thread.is_alive():
            self._thread.join(snapshot_file.LONGEST_SECONDS + GRACE_SECONDS)
        if self._cloud.changes.unsaved:
            self.save()

    def _keep(self) -> None:
        earliest = 0.0
        while self._cloud.changes.wait_due(earliest):
            began = time.monotonic()
            saved = self.save()
            ended = time.monotonic()
            earliest = ended + (REST * (ended - began) if saved else RETRY_SECONDS)

    def save(self) -> bool:
        """Write a snapshot; return whether it is complete. A failure is logged, and tried again later."""
        changes = self._cloud.changes
        changes.wait_quiet(QUIET_SECONDS)
        number, unused = changes.take(), self._contents.unused()
        try:
            not_kept = self._write()
        except (OSError, LocalCloudError) as error:
            log.error("what the local cloud holds could not be saved to %s: %s", self._folder, error)
            self._contents.not_unused(unused)
            changes.note()
            return False
        changes.saved(number)
        self._contents.remove(unused)
        if not_kept != self._not_kept:
            self._not_kept = not_kept
            log.warning("not kept over a restart: what is in %s", ", ".join(not_kept) or "(nothing)")
        return True

    def _write(self) -> list[str]:
        """Write a snapshot in a process of its own; return the services that could not be kept."""
        reading, writing = os.pipe()
        service = os.getpid()
        with warnings.catch_warnings():
            # The process has other threads. The new one has none of them, and takes no lock of theirs.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            self._write_and_exit(writing, service)
        os.close(writing)
        report = _wait(pid, reading)
        draft = self._folder / snapshot_file.DRAFT
        if not report.startswith("ok"):
            draft.unlink(missing_ok=True)
            raise LocalCloudError(report or "the process that writes it was killed")
        draft.replace(self._folder / snapshot_file.SNAPSHOT)
        _sync_folder(self._folder)
        return report.split()[1:]

    def _write_and_exit(self, pipe: int, service: int) -> None:
        """Be the forked process: write the draft, report, and end without the service's exit handlers."""
        try:
            _end_with(service)
            # Of a process that hangs, the service's log shows where.
            faulthandler.dump_traceback_later(snapshot_file.LONGEST_SECONDS, exit=True, file=2)
            gc.disable()  # a collection would copy all memory
            os.dup2(pipe, 3)
            os.closerange(
                4, os.sysconf("SC_OPEN_MAX")
            )  # supervisors notice the end of the service by its pipes
            sys.setrecursionlimit(RECURSION)
            report = "ok " + " ".join(self._write_draft())
        except BaseException as error:  # noqa: BLE001 - it is reported; this process must end here
            report = f"{type(error).__name__}: {error}"
        os.write(3, report.encode()[:4096])
        os._exit(0)

    def _write_draft(self) -> list[str]:
        path = self._folder / snapshot_file.DRAFT
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w+b") as file:
            snapshot_file.write_header(file)
            not_kept = state.dump(self._cloud, file)
            snapshot_file.write_header(file, snapshot_file.header(self._cloud.port, not_kept))
            file.flush()
            os.fsync(file.fileno())
        return not_kept


def _end_with(service: int) -> None:
    """End this process as soon as its parent, the service, is killed."""
    if _LIBC:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != service:  # it was killed before the line above
            os._exit(1)


def _wait(pid: int, pipe: int) -> str:
    """Return what the forked process reports, once it has ended; kill it if it hangs."""
    report = b""
    deadline = time.monotonic() + snapshot_file.LONGEST_SECONDS + GRACE_SECONDS
    poll = select.poll()  # unlike `select`, it takes descriptors above 1023
    poll.register(pipe, select.POLLIN)
    try:
        while poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            chunk = os.read(pipe, 65536)
            if not chunk:
                break
            report += chunk
        else:
            os.kill(pid, signal.SIGKILL)
            report = f"it took more than {snapshot_file.LONGEST_SECONDS:.0f} s".encode()
    finally:
        os.close(pipe)
        os.waitpid(pid, 0)
    return report.decode(errors="replace")


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
