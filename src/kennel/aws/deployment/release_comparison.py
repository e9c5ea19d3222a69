"""A release beside the one that is deployed: worse metrics and other classes are not passed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kennel.aws import StackError
from kennel.aws.deployment import deployment_record
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import releases
from kennel.aws.release.releases import Release

TOP_1 = "test_top1"
SHOWN_CLASSES = 3  # in a warning; the document has all


@dataclass(frozen=True)
class Comparison:
    """A release and the deployed one."""

    release: Release
    deployed: Release

    @property
    def added(self) -> list[str]:
        """The classes that the deployed release does not have."""
        return sorted(set(self.release.classes) - set(self.deployed.classes))

    @property
    def removed(self) -> list[str]:
        """The classes that only the deployed release has."""
        return sorted(set(self.deployed.classes) - set(self.release.classes))

    @property
    def warnings(self) -> list[str]:
        """What should be known before the release is deployed, a line each; empty if nothing got worse."""
        return [*self._metrics(), *self._classes()]

    def _metrics(self) -> list[str]:
        new, old = self.release.metrics.get(TOP_1), self.deployed.metrics.get(TOP_1)
        if old is None or (new is not None and new >= old):
            return []
        measured = "was not measured" if new is None else f"is {new:.4g}"
        return [
            f"top-1 of {self.release.id} {measured}; that of the deployed {self.deployed.id} is {old:.4g}"
        ]

    def _classes(self) -> list[str]:
        if self.release.classes == self.deployed.classes:
            return []
        differences = [
            f"{len(names)} {what} ({_some(names)})"
            for what, names in (("new", self.added), ("missing", self.removed))
            if names
        ]
        return [
            f"{self.release.id} has {len(self.release.classes)} classes, the deployed {self.deployed.id} "
            f"{len(self.deployed.classes)}: {', '.join(differences) or 'the same in another order'}"
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as a JSON document."""
        return {
            "deployed": self.deployed.id,
            "top1": self.release.metrics.get(TOP_1),
            "deployed_top1": self.deployed.metrics.get(TOP_1),
            "classes_added": self.added,
            "classes_removed": self.removed,
            "warnings": self.warnings,
        }


def with_deployed(stack: Stack, release: Release) -> Comparison | None:
    """Return a release beside the deployed one; None if nothing is deployed, or this very release."""
    current = deployment_record.read(stack).current
    if current is None or current.id == release.id:
        return None
    try:
        deployed = releases.find(stack["artifact_bucket"], current.id)
    except StackError:
        return None  # its record has been deleted, so nothing is known of it
    return Comparison(release, deployed)


def _some(names: list[str]) -> str:
    more = f", and {len(names) - SHOWN_CLASSES} more" if len(names) > SHOWN_CLASSES else ""
    return ", ".join(names[:SHOWN_CLASSES]) + more
