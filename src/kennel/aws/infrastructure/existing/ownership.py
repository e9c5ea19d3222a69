"""Whether a resource that exists is the stack's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Values = dict[str, Any]  # the attributes of a planned resource that are known
Finder = Callable[[Values], str | None]  # returns the id by which Terraform imports it

# The default tags of terraform/versions.tf: within an account and region they name one stack.
STACK_TAGS = ("Project", "Environment", "ManagedBy")


def ours(values: Values, tags: Any) -> bool:
    """Return whether tags are those of the stack that plans a resource.

    Parameters
    ----------
    tags
        As a service returns them: an object, or a list of keys and values in its own spelling.
    """
    planned = values["tags_all"]
    found = _by_name(tags)
    return all(name in planned and found.get(name) == planned[name] for name in STACK_TAGS)


def _by_name(tags: Any) -> dict[str, str]:
    if isinstance(tags, list):
        lowered = [{name.lower(): value for name, value in tag.items()} for tag in tags]
        return {
            str(tag.get("key") or tag["tagkey"]): str(tag.get("value") or tag.get("tagvalue", ""))
            for tag in lowered
        }
    return tags or {}
