"""The audit log: who called what on which resource, and whether it was allowed, one JSON object a line."""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from kennel.localcloud.policy.patterns import RequestContext

log = logging.getLogger(__name__)

# Whether an action was allowed; "unrestricted" for the operator, whom no identity policy limits.
AuditOutcome = Literal["allow", "deny", "unrestricted"]


@dataclass(frozen=True)
class AuditEntry:
    """One authorization check and the HTTP status of the response that it belongs to.

    Attributes
    ----------
    context
        The condition keys that the principal's policies name, as the request had them: with these, the check
        can be decided again under other policies. Nothing else of a request is kept.
    """

    time: str
    principal: str
    action: str
    resource: str
    decision: AuditOutcome
    reason: str
    status: int
    context: RequestContext = field(default_factory=dict)


class AuditLog:
    """An append-only file of entries; safe to write from many threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open(
            "ab", buffering=0
        )  # no buffer: what could not be written is not kept for later
        self.lost = 0  # entries that could not be written
        self.problem = ""  # why the last one could not

    def append(self, *entries: AuditEntry) -> None:
        """Append entries; they are on disk when this returns, or counted as lost: the service goes on."""
        lines = "".join(json.dumps(vars(entry), separators=(",", ":")) + "\n" for entry in entries)
        with self._lock:
            if self._file.closed:
                return
            try:
                self._write(lines.encode())
            except OSError as error:
                if not self.lost:
                    log.exception(
                        "the audit log %s cannot be written; what is called is not recorded", self.path
                    )
                self.lost += len(entries)
                self.problem = f"{self.path}: {error.strerror}"

    def _write(self, content: bytes) -> None:
        """Append whole lines or nothing: a full disk may take a part of a line."""
        begin = self._file.seek(0, os.SEEK_END)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(begin)
            raise

    def entries(self) -> Iterator[AuditEntry]:
        """Return every entry so far, oldest first."""
        return read(self.path)

    def close(self) -> None:
        """Close the file; what is appended later is dropped."""
        with self._lock:
            self._file.close()


NO_KEYS: RequestContext = {}


class AuditSink(Protocol):
    """Where an authorizer reports its checks."""

    def record(
        self,
        principal: str,
        action: str,
        resource: str,
        outcome: AuditOutcome,
        reason: str,
        context: RequestContext = NO_KEYS,
    ) -> None:
        """Take one check: whose, of which action on which resource, its outcome and why, in which context."""


class CallAudit:
    """The checks of one HTTP call, kept until the status of its response is known."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self._checks: list[tuple[tuple[str, str, str, AuditOutcome, str], RequestContext]] = []

    def __len__(self) -> int:
        return len(self._checks)

    def record(
        self,
        principal: str,
        action: str,
        resource: str,
        outcome: AuditOutcome,
        reason: str,
        context: RequestContext = NO_KEYS,
    ) -> None:
        """Keep a check for `write`."""
        self._checks.append(((principal, action, resource, outcome, reason), context))

    def write(self, status: int) -> None:
        """Write the checks to the log, with the status of the response."""
        now = _now()
        self._log.append(*(AuditEntry(now, *check, status, context) for check, context in self._checks))
        self._checks.clear()


class ImmediateAudit:
    """Writes each check at once: what the platform does for a workload, without an HTTP call of its own."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log

    def record(
        self,
        principal: str,
        action: str,
        resource: str,
        outcome: AuditOutcome,
        reason: str,
        context: RequestContext = NO_KEYS,
        *,
        status: int | None = None,
    ) -> None:
        """Write a check, by default with the status that a call with this outcome has: 200 or 403."""
        status = status or (403 if outcome == "deny" else 200)
        self._log.append(AuditEntry(_now(), principal, action, resource, outcome, reason, status, context))


class NoAudit:
    """Drops every check.

    For questions about a principal that are not calls by it: IAM's policy simulator, and whether a caller
    may list a bucket whose object is missing. In the audit log they would read as something that it did.
    """

    def record(
        self,
        principal: str,
        action: str,
        resource: str,
        outcome: AuditOutcome,
        reason: str,
        context: RequestContext = NO_KEYS,
    ) -> None:
        """Drop a check."""


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def read(path: Path) -> Iterator[AuditEntry]:
    """Read an audit log, skipping a last line that is still being written.

    Parameters
    ----------
    path
        The file; a missing file reads as empty.
    """
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.endswith("\n"):
                return
            fields: dict[str, Any] = json.loads(line)
            yield AuditEntry(**fields)
