"""What a plan changes: resources by module, and for drift the attributes of each."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

ROOT_MODULE = "(root)"
# An address begins with module.NAME or module.NAME[KEY] for each level; a key is a number or a quoted text.
_MODULES = re.compile(r'(?:module\.[\w-]+(?:\[(?:\d+|"(?:[^"\\]|\\.)*")\])?\.)*')
# How Terraform itself counts what it plans.
_COUNTED = {"create": ["add"], "update": ["change"], "delete": ["remove"], "replace": ["add", "remove"]}


@dataclass(frozen=True)
class ResourceChange:
    """What happens to one resource: ``create``, ``update``, ``delete``, ``replace``, ``read``, …"""

    action: str
    address: str

    @property
    def module(self) -> str:
        """The module's name without ``module.``; that of a module within a module is ``OUTER.INNER``."""
        path = _module_path(self.address)
        return path.replace("module.", "").rstrip(".") or ROOT_MODULE

    @property
    def resource(self) -> str:
        """The address within the module."""
        return self.address.removeprefix(_module_path(self.address))


@dataclass(frozen=True)
class AttributeChange:
    """One attribute that was changed outside Terraform.

    Parameters
    ----------
    attribute
        Its path: ``tags.Team``, ``ingress[0].description``; within a JSON text too.
    before, after
        Its values; None where there is none, or where they are sensitive.
    """

    address: str
    attribute: str
    before: Any
    after: Any
    sensitive: bool = False

    @property
    def texts(self) -> tuple[str, str]:
        """Both values for people: texts as they are, others as JSON."""
        if self.sensitive:
            return "(sensitive)", "(sensitive)"
        before, after = (_shown(value) for value in (self.before, self.after))
        return before, after

    def as_dict(self) -> dict[str, Any]:
        """Return the change as a JSON document."""
        return {
            "resource": self.address,
            "attribute": self.attribute,
            "before": self.before,
            "after": self.after,
            "sensitive": self.sensitive,
        }


@dataclass
class Changes:
    """The changes that a plan would make, or that an apply made.

    Parameters
    ----------
    attributes
        Of drift only: what was changed in each resource.
    warnings
        What Terraform says besides, such as a check that does not hold.
    """

    add: int = 0
    change: int = 0
    remove: int = 0
    planned: list[ResourceChange] = field(default_factory=list)
    attributes: list[AttributeChange] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there are no changes."""
        return not (self.add or self.change or self.remove or self.planned)

    @property
    def sorted(self) -> list[ResourceChange]:
        """The resources, module by module; the root's come first."""
        return sorted(
            self.planned,
            key=lambda change: (change.module != ROOT_MODULE, change.module, change.resource, change.action),
        )

    @property
    def resources(self) -> list[str]:
        """One text ``ACTION ADDRESS`` for each resource."""
        return [f"{change.action} {change.address}" for change in self.sorted]

    def by_module(self) -> dict[str, dict[str, int]]:
        """Return how many resources each module adds, changes and removes."""
        counts: dict[str, Counter[str]] = {}
        for change in self.sorted:
            counts.setdefault(change.module, Counter()).update(_COUNTED.get(change.action, []))
        return {
            module: {kind: counter[kind] for kind in ("add", "change", "remove")}
            for module, counter in counts.items()
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the changes as a JSON document."""
        return {
            "add": self.add,
            "change": self.change,
            "remove": self.remove,
            "resources": self.resources,
            "modules": self.by_module(),
            "empty": self.empty,
            "warnings": self.warnings,
        }


def drift_in(plan: dict[str, Any], *, everything: bool = False) -> Changes:
    """Return what was changed outside Terraform, from ``terraform show -json`` of a plan.

    A value that was null and is now empty is not drift: providers read many optional settings as empty.

    Parameters
    ----------
    everything
        Also what an apply would leave as it is, because the configuration does not set it. Much of that is no
        drift: a bucket shows the rules that another resource gave it, but only since the last refresh.
    """
    changes = Changes()
    governed = {resource["address"]: _governed(resource) for resource in plan.get("resource_changes", [])}
    for resource in plan.get("resource_drift", []):
        address, change = resource["address"], resource["change"]
        action = change["actions"][0]
        if action == "delete":
            changes.remove += 1
        else:
            differing = list(_differences(address, change))
            if not everything:
                differing = [a for a in differing if _top(a.attribute) in governed.get(address, ())]
            if not differing:
                continue
            changes.change += 1
            changes.attributes += differing
        changes.planned.append(ResourceChange(action, address))
    return changes


def without_empty(value: Any) -> Any:
    """Return a value without nulls, empty strings, empty lists and empty objects in its objects."""
    if isinstance(value, dict):
        items = {name: without_empty(item) for name, item in value.items()}
        return {name: item for name, item in items.items() if item not in (None, "", [], {})}
    if isinstance(value, list):
        return [without_empty(item) for item in value]
    return value


def _module_path(address: str) -> str:
    match = _MODULES.match(address)
    assert match is not None, "the pattern also matches nothing"
    return match.group()


def _governed(resource: dict[str, Any]) -> set[str]:
    """Return the attributes that a plan would change to values of the configuration."""
    change = resource["change"]
    if change["before"] is None or change["after"] is None:
        return set()
    unknown = {name for name, value in change.get("after_unknown", {}).items() if value is True}
    return {_top(a.attribute) for a in _differences(resource["address"], change)} - unknown


def _top(path: str) -> str:
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def _differences(address: str, change: dict[str, Any]) -> Iterator[AttributeChange]:
    """Yield the attributes whose values differ, of one resource in a plan's JSON."""
    before, after = without_empty(change["before"]), without_empty(change["after"])
    masks = change.get("before_sensitive"), change.get("after_sensitive")
    for path, old, new, sensitive in _compare("", before, after, masks):
        shown = (None, None) if sensitive else (old, new)
        yield AttributeChange(address, path, shown[0], shown[1], sensitive)


def _compare(
    path: str, before: Any, after: Any, masks: tuple[Any, Any]
) -> Iterator[tuple[str, Any, Any, bool]]:
    """Yield path, both values and whether they are sensitive, for each value that differs.

    Parameters
    ----------
    masks
        What of the two values is sensitive, as Terraform says it: true, or an object or list that has true in
        place of a sensitive value.
    """
    if before == after:
        return
    if True in masks:
        yield path, before, after, True
    elif isinstance(before, dict | None) and isinstance(after, dict | None):
        before, after = before or {}, after or {}
        for name in sorted({*before, *after}):
            inner = f"{path}.{name}" if path else name
            yield from _compare(inner, before.get(name), after.get(name), _of(masks, name))
    elif isinstance(before, list) and isinstance(after, list) and not _sensitive_inside(masks):
        yield from _compare_lists(path, before, after)
    elif (old := _parsed(before)) is not None and (new := _parsed(after)) is not None:
        yield from _compare(path, old, new, (False, False))
    else:
        yield path, before, after, _sensitive_inside(masks)


def _compare_lists(path: str, before: list[Any], after: list[Any]) -> Iterator[tuple[str, Any, Any, bool]]:
    """Yield what differs between two lists; Terraform's sets are lists too, so an item may have moved."""
    gone = [item for item in before if item not in after]
    come = [item for item in after if item not in before]
    if len(gone) == len(come) > 0 and all(isinstance(item, dict) for item in [*gone, *come]):
        for old, new in zip(gone, come, strict=True):
            yield from _compare(f"{path}[{before.index(old)}]", old, new, (False, False))
    elif gone or come:
        yield path, gone or None, come or None, False
    else:  # only the order differs, or how often an item occurs
        yield path, before, after, False


def _of(masks: tuple[Any, Any], name: str) -> tuple[Any, Any]:
    old, new = (mask.get(name) if isinstance(mask, dict) else mask for mask in masks)
    return old, new


def _sensitive_inside(mask: Any) -> bool:
    if isinstance(mask, dict):
        return any(_sensitive_inside(item) for item in mask.values())
    if isinstance(mask, list | tuple):
        return any(_sensitive_inside(item) for item in mask)
    return mask is True


def _parsed(value: Any) -> dict[str, Any] | None:
    """Return the object that a JSON text is, such as a policy; None for anything else."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return None
    try:
        document = json.loads(value)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
