"""Recorded calls: what the principals of a cloud called, from its audit log or from CloudTrail."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from kennel.audit import AuditError

ASSUMED_ROLE = ":assumed-role/"
# How the local cloud's audit log says that an identity policy allowed a call; the others were allowed by the
# policy of the resource, whatever the role's own policies say.
BY_IDENTITY_POLICY = "allowed by "
REFUSED = "refused: "  # before any permission was checked: a bad signature, an expired session


@dataclass(frozen=True)
class Call:
    """A check of one action on one resource for a role.

    Attributes
    ----------
    resource
        The ARN, or ``*`` for an action without resource types; None where the record does not say.
    context
        The condition keys that the role's policies name; None where the record has no keys.
    by_identity
        Whether the role's own policies allowed it, not the policy of the resource.
    """

    role: str
    action: str
    resource: str | None
    allowed: bool
    by_identity: bool = True
    context: Mapping[str, Any] | None = field(default=None, hash=False)
    reason: str = ""
    time: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two calls the same for every policy."""
        context = json.dumps(self.context, sort_keys=True)
        return (
            self.role,
            self.action,
            self.resource or "?",
            str(self.allowed),
            str(self.by_identity),
            context,
        )


class Evaluator(Protocol):
    """Decides whether policies allow an action; the local cloud's own, given by the task."""

    def __call__(
        self, documents: Sequence[str], action: str, resource: str, context: Mapping[str, Any]
    ) -> bool:
        """Return whether identity policies, as JSON texts, allow an action on a resource in a context."""


@dataclass(frozen=True)
class Recording:
    """The calls of roles, each once, with how often it was made.

    Attributes
    ----------
    source
        Where they come from, for people.
    conditions
        Whether the records hold condition keys; without, conditions are taken as met.
    """

    source: str
    counts: Mapping[Call, int]
    conditions: bool = True

    def of(self, role: str) -> list[Call]:
        """Return a role's calls."""
        return [call for call in self.counts if call.role == role]


def counted(calls: Iterable[Call], source: str, *, conditions: bool = True) -> Recording:
    """Return a recording of calls: the same call again adds to its count."""
    first: dict[tuple[str, ...], Call] = {}
    counts: Counter[tuple[str, ...]] = Counter()
    for call in calls:
        first.setdefault(call.key, call)
        counts[call.key] += 1
    return Recording(source, {call: counts[key] for key, call in first.items()}, conditions)


def of_audit_log(path: Path) -> Recording:
    """Read the roles' calls from a local cloud's audit log.

    Raises
    ------
    AuditError
        There is no such file.
    """
    if not path.is_file():
        raise AuditError(
            f"there is no audit log at {path}: run ./kennel rehearse, or give the folder of a local cloud"
        )
    with path.open(encoding="utf-8") as lines:
        entries = [json.loads(line) for line in lines if line.endswith("\n")]
    return counted((call for entry in entries if (call := _of_entry(entry))), str(path))


def _of_entry(entry: Mapping[str, Any]) -> Call | None:
    """Return the call of an entry; None for those of other principals, and for what was refused unchecked."""
    principal, reason = str(entry["principal"]), str(entry["reason"])
    if ASSUMED_ROLE not in principal or reason.startswith(REFUSED) or entry["decision"] == "unrestricted":
        return None
    return Call(
        role=principal.partition(ASSUMED_ROLE)[2].partition("/")[0],
        action=entry["action"],
        resource=entry["resource"],
        allowed=entry["decision"] == "allow",
        by_identity=reason.startswith(BY_IDENTITY_POLICY),
        context=entry.get("context") or {},
        reason=reason,
        time=entry["time"],
    )
