"""The history of the record as a list of events: what was deployed, rolled back, or has failed."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

from kennel.aws.deployment.deployment_record import DeploymentRecord, RecordVersion

DEPLOYED = "deployed"
ROLLED_BACK = "rolled back"
FAILED = "failed, returned"
ASLEEP = "asleep"
AWAKE = "awake"
WRITTEN = "written by hand"


@dataclass(frozen=True)
class DeploymentEvent:
    """One version of the record that changed what is deployed.

    Parameters
    ----------
    what
        One of the words above: a new deployment began; the previous one took its place again; a deployment
        failed and what was live before is recorded again; the stack was put to sleep; it was woken; anything
        else.
    """

    what: str
    version: RecordVersion

    @property
    def row(self) -> tuple[Any, ...]:
        """The row of a table."""
        record, written = self.version.record, self.version.written.isoformat(timespec="seconds")
        current, previous = record.current, record.previous
        return (
            written,
            self.what,
            current.deployment if current else None,
            current.id if current else None,
            previous.deployment if previous else None,
            self.version.by,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the event as a JSON document."""
        record = self.version.record.as_dict()
        return {
            "version": self.version.version,
            "written": self.version.written.isoformat(timespec="seconds"),
            "by": self.version.by,
            "what": self.what,
            "current": record["current"],
            "previous": record["previous"],
        }


def events(versions: list[RecordVersion]) -> list[DeploymentEvent]:
    """Return what happened between each version of the record and the one before it, the oldest first."""
    happened = []
    for earlier, version in itertools.pairwise(versions):
        if earlier.record != version.record:
            happened.append(DeploymentEvent(_what(earlier.record, version.record), version))
    if versions and versions[0].record.current:  # what came before has left the history
        happened.insert(0, DeploymentEvent(DEPLOYED, versions[0]))
    return happened


def _what(earlier: DeploymentRecord, record: DeploymentRecord) -> str:
    if replace(record, asleep=earlier.asleep) == earlier:
        return ASLEEP if record.asleep else AWAKE
    if record.current and record.deployment == record.current.deployment > earlier.deployment:
        return DEPLOYED
    if record == earlier.rolled_back():
        return ROLLED_BACK
    failed = earlier.current.deployment if earlier.current else None
    if failed == earlier.deployment == record.deployment and record.current == earlier.previous:
        return FAILED
    return WRITTEN
