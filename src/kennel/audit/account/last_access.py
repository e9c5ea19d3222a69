"""What each role and user used, and when: IAM's last-accessed data, and the smallest policy by it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from kennel.audit.account.reading import Account, Identity

AT_ONCE = 8  # jobs that IAM computes side by side
POLL_SECONDS = 0.5
LONGEST_SECONDS = 120.0
WHAT = "last-accessed data"


@dataclass
class LastAccess:
    """What an identity used of what it may use.

    Attributes
    ----------
    services
        The time of the last call by service prefix; None if it was never called in IAM's tracking period.
    actions
        The same by action, for the actions that IAM tracks.
    """

    services: dict[str, datetime | None] = field(default_factory=dict)
    actions: dict[str, datetime | None] = field(default_factory=dict)

    @property
    def last(self) -> datetime | None:
        """The last call of all."""
        return max((when for when in self.services.values() if when), default=None)

    @property
    def unused_services(self) -> list[str]:
        """The services that were never called."""
        return sorted(service for service, when in self.services.items() if when is None)

    def uses(self, action: str) -> bool | None:
        """Return whether an action, or one that a pattern matches, was called; None if IAM does not say."""
        service = action.partition(":")[0].lower()
        if service in self.services and self.services[service] is None:
            return False
        tracked = [when for name, when in self.actions.items() if fnmatchcase(name.lower(), action.lower())]
        return any(tracked) if tracked else None

    def used(self, pattern: str) -> list[str]:
        """Return the tracked actions that a pattern matches and that were called."""
        return sorted(
            name for name, when in self.actions.items() if when and fnmatchcase(name.lower(), pattern.lower())
        )


def read(
    account: Account, iam: Any, progress: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
) -> dict[str, LastAccess]:
    """Return what was used, by ARN; without it where IAM does not say, which is noted in the account."""
    progress("what was used")
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = threads.map(
            lambda identity: account.ask(WHAT, lambda: _details(iam, identity, sleep)), account.identities
        )
        pairs = zip(account.identities, answers, strict=True)
        return {identity.arn: answer for identity, answer in pairs if answer is not None}


def _details(iam: Any, identity: Identity, sleep: Callable[[float], None]) -> LastAccess | None:
    job = iam.generate_service_last_accessed_details(Arn=identity.arn, Granularity="ACTION_LEVEL")["JobId"]
    waited, access = 0.0, LastAccess()
    marker: dict[str, str] = {}
    while True:
        page = iam.get_service_last_accessed_details(JobId=job, **marker)
        if page["JobStatus"] == "IN_PROGRESS" and waited < LONGEST_SECONDS:
            sleep(POLL_SECONDS)
            waited += POLL_SECONDS
            continue
        if page["JobStatus"] != "COMPLETED":
            return None
        for service in page["ServicesLastAccessed"]:
            prefix = service["ServiceNamespace"]
            access.services[prefix] = service.get("LastAuthenticated")
            for action in service.get("TrackedActionsLastAccessed", []):
                access.actions[f"{prefix}:{action['ActionName']}"] = action.get("LastAccessedTime")
        if not page.get("IsTruncated"):
            return access
        marker = {"Marker": page["Marker"]}


def smallest(documents: dict[str, dict[str, Any]], access: LastAccess) -> dict[str, Any]:
    """Return the policy that would have been enough: the allowed actions that were used, on their resources.

    An action stays if IAM does not say whether it was used. A pattern is replaced by the actions that were
    used of it, where IAM tracks them. Deny statements stay.
    """
    kept = []
    for document in documents.values():
        blocks = document.get("Statement", [])
        for block in blocks if isinstance(blocks, list) else [blocks]:
            if block.get("Effect") != "Allow":
                kept.append(block)
                continue
            if "Action" not in block:  # NotAction: what was used of everything else
                block = {**{key: value for key, value in block.items() if key != "NotAction"}, "Action": "*"}
            granted = block["Action"] if isinstance(block["Action"], list) else [block["Action"]]
            actions = sorted({action for pattern in granted for action in _narrowed(pattern, access)})
            if actions:
                kept.append({**block, "Action": actions})
    return {"Version": "2012-10-17", "Statement": kept}


def _narrowed(pattern: str, access: LastAccess) -> list[str]:
    used = access.uses(pattern)
    if used is False:
        return []
    if pattern == "*":
        called = [service for service, when in access.services.items() if when]
        return [action for service in called for action in access.used(f"{service}:*") or [f"{service}:*"]]
    if "*" in pattern or "?" in pattern:
        return access.used(pattern) or [pattern]
    return [pattern]
