"""The page of the task `audit.access`: what each role called, and what it is granted without a use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kennel.report import page

Document = dict[str, Any]


def write(target: Path, document: Document) -> Path:
    """Write the page of a document of `kennel.audit.access.summary` and return its path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unused = {role["role"]: _by_reason(role["unused"]) for role in document["roles"]}
    text = page.render("access.html", document=document, matrix=_matrix(document["roles"]), unused=unused)
    target.write_text(text, encoding="utf-8")
    return target


def _matrix(roles: list[Document]) -> list[Document]:
    """Return a row with the cells of all roles for each action that was called, or granted for nothing."""
    actions: dict[str, list[Document]] = {}

    def cell(action: str, index: int) -> Document:
        cells = actions.setdefault(action, [{"allowed": 0, "denied": 0, "unused": 0} for _ in roles])
        return cells[index]

    for index, role in enumerate(roles):
        for row in role["called"]:
            for outcome in ("allowed", "denied"):
                cell(row["action"], index)[outcome] += row[outcome]
        for grant in role["unused"]:
            if grant["reason"] is None:
                cell(grant["action"], index)["unused"] += 1
    return [{"action": action, "cells": cells} for action, cells in sorted(actions.items())]


def _by_reason(grants: list[Document]) -> dict[str, list[Document]]:
    """Return grants by their reason, those without one first."""
    reasons: dict[str, list[Document]] = {}
    for grant in sorted(grants, key=lambda grant: grant["reason"] is not None):
        reasons.setdefault(grant["reason"] or "", []).append(grant)
    return reasons
