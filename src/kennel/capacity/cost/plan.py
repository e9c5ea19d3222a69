"""The resources and outputs in ``terraform show -json`` of a plan: as they will be, and as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Resource:
    """One managed resource.

    Parameters
    ----------
    index
        Its key or number, where it is one of several; None otherwise.
    values
        The attributes that are known.
    """

    address: str
    type: str
    index: str | int | None
    values: dict[str, Any]

    def block(self, name: str) -> dict[str, Any]:
        """Return the first block of a name; empty if there is none."""
        blocks = self.values.get(name) or [{}]
        return dict(blocks[0])


@dataclass(frozen=True)
class Resources:
    """All managed resources of a stack, and the outputs that are known."""

    managed: list[Resource]
    outputs: dict[str, Any] = field(default_factory=dict)

    def find(self, kind: str, **attributes: Any) -> Resource | None:
        """Return the resource of a type that has these attributes; None if there is none."""
        for resource in self.managed:
            if resource.type == kind and all(
                resource.values.get(name) == value for name, value in attributes.items()
            ):
                return resource
        return None


def planned(document: dict[str, Any]) -> Resources:
    """Return what there will be after an apply."""
    return _resources(document.get("planned_values", {}))


def present(document: dict[str, Any]) -> Resources:
    """Return what there is before an apply; nothing if the state is empty."""
    return _resources(document.get("prior_state", {}).get("values", {}))


def _resources(values: dict[str, Any]) -> Resources:
    outputs = {
        name: output["value"] for name, output in values.get("outputs", {}).items() if "value" in output
    }
    managed = [
        Resource(entry["address"], entry["type"], entry.get("index"), entry.get("values", {}))
        for entry in _entries(values.get("root_module", {}))
        if entry["mode"] == "managed"
    ]
    return Resources(sorted(managed, key=lambda resource: resource.address), outputs)


def _entries(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _entries(child)
