"""Brings into the state what a change created that was ended before it could save the state.

Terraform saves a remote state every 20 seconds at most (`TF_STATE_PERSIST_INTERVAL` can only make that
longer), and not at all what it was creating when it was killed. What a plan would create and exists already
as a part of the stack is imported by ``import`` blocks, in the same plan that changes the rest.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.aws import Progress
from kennel.aws.infrastructure import existing
from kennel.aws.infrastructure.changes import Changes
from kennel.aws.infrastructure.terraform import Terraform
from kennel.aws.infrastructure.terraform_text import quoted
from kennel.aws.session import Workspace

WORKERS = 8
# What one pass brings into the state can make known by what name others are found: rules by their group.
PASSES = 4


@dataclass(frozen=True)
class Adoption:
    """A resource that exists and is missing from the state.

    Parameters
    ----------
    address
        Terraform's address of it.
    id
        The id by which Terraform imports it.
    """

    address: str
    id: str

    def block(self, environment: str) -> str:
        """Return its ``import`` block, which other environments of the same checkout ignore."""
        condition = f"var.environment == {quoted(environment)} ? [{quoted(self.id)}] : []"
        members = (f"for_each = toset({condition})", f"to       = {self.address}", "id       = each.value")
        return "import {\n  " + "\n  ".join(members) + "\n}\n"


def plan(
    workspace: Workspace, terraform: Terraform, changes: Changes, file: Path, report: Progress
) -> tuple[Changes, list[Adoption]]:
    """Return a plan that adopts what it would otherwise create again, and what it adopts.

    Parameters
    ----------
    changes, file
        The plan without adoptions. The file is replaced.
    """
    adoptions: list[Adoption] = []
    for _ in range(PASSES):
        if "create" not in {change.action for change in changes.planned}:
            break
        report("looking for what exists and is missing from the state")
        found = [adopted for adopted in _find(terraform.show(file)) if adopted not in adoptions]
        if not found:
            break
        adoptions += found
        with importing(terraform.directory, workspace.environment, adoptions):
            changes = terraform.plan(out=file)
    return changes, adoptions


@contextlib.contextmanager
def importing(root: Path, environment: str, adoptions: list[Adoption]) -> Iterator[None]:
    """Write the ``import`` blocks into the root for as long as a plan is made: a saved plan has them."""
    file = _file(root, environment)
    blocks = [adopted.block(environment) for adopted in adoptions]
    file.write_text("\n".join(blocks))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def clean(workspace: Workspace) -> None:
    """Delete the ``import`` blocks of a plan that was killed."""
    _file(workspace.terraform_directory, workspace.environment).unlink(missing_ok=True)


def _file(root: Path, environment: str) -> Path:
    return root / f"adopt_{environment}.tf"


def _find(document: dict[str, Any]) -> list[Adoption]:
    """Return what a plan would create and exists, in the order of addresses."""
    creations = [
        (resource["address"], resource["type"], _known(resource["change"]))
        for resource in document.get("resource_changes", [])
        if resource["change"]["actions"] == ["create"] and resource["mode"] == "managed"
    ]
    with ThreadPoolExecutor(WORKERS) as pool:
        ids = pool.map(lambda creation: existing.find(creation[1], creation[2]), creations)
        pairs = zip(creations, ids, strict=True)
        found = [Adoption(address, import_id) for (address, _, _), import_id in pairs if import_id]
    return sorted(found, key=lambda adopted: adopted.address)


def _known(change: dict[str, Any]) -> dict[str, Any]:
    unknown = {name for name, value in change.get("after_unknown", {}).items() if value is True}
    return {name: value for name, value in change["after"].items() if name not in unknown}
