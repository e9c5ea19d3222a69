"""Exceptions: grants that are needed without a recorded use, and denials that are expected, with reasons."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from kennel.audit import AuditError
from kennel.audit.access.grants import EVERYTHING

SHORTEST_REASON = 20  # characters
_KEYS = {"roles", "actions", "resources", "reason", "used_by", "source"}


@dataclass(frozen=True)
class AccessException:
    """Grants, or denied calls, of roles that are no findings.

    Attributes
    ----------
    kind
        ``grant`` or ``denied``.
    roles
        The roles' keys.
    actions, resources
        Patterns of the grants' own patterns, or of the denied calls.
    used_by
        What uses the grants on the local cloud, or makes the calls, beside the rehearsal; empty where nothing
        there does.
    source
        The page of AWS that says why.
    """

    kind: str
    roles: tuple[str, ...]
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    reason: str
    used_by: str = ""
    source: str = ""

    def covers(self, kind: str, role: str, action: str, resource: str) -> bool:
        """Return whether it is about a grant or a denied call of a role."""
        return (
            kind == self.kind
            and role in self.roles
            and any(fnmatchcase(action, pattern) for pattern in self.actions)
            and any(fnmatchcase(resource, pattern) for pattern in self.resources)
        )


def read(path: Path) -> list[AccessException]:
    """Read the file of exceptions: tables ``grant`` and ``denied``.

    Raises
    ------
    AuditError
        It is no such file, or an exception has no reason.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AuditError(f"the exceptions in {path} cannot be read: {error}: correct the file") from error
    if unknown := set(content) - {"grant", "denied"}:
        raise AuditError(f"{path} has {', '.join(sorted(unknown))}: write [[grant]] or [[denied]]")
    return [_exception(path, kind, item) for kind, items in content.items() for item in items]


def _exception(path: Path, kind: str, item: Mapping[str, Any]) -> AccessException:
    where = f"{path}: [[{kind}]] of {item.get('roles', 'no roles')}, {item.get('actions', 'no actions')}"
    if unknown := set(item) - _KEYS:
        raise AuditError(f"{where} has {', '.join(sorted(unknown))}: use {', '.join(sorted(_KEYS))}")
    patterns = [item.get("roles"), item.get("actions"), item.get("resources", [EVERYTHING])]
    if not all(isinstance(values, list) and values for values in patterns):
        raise AuditError(f"{where}: give lists of roles, actions and resources")
    reason = str(item.get("reason", "")).strip()
    if len(reason) < SHORTEST_REASON:
        raise AuditError(f"{where}: give a reason of at least {SHORTEST_REASON} characters")
    roles, actions, resources = (tuple(values) for values in patterns)
    return AccessException(
        kind, roles, actions, resources, reason, item.get("used_by", ""), item.get("source", "")
    )
