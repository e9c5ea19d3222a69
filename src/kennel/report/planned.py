"""The planned resources, by Terraform module."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

ROOT = "root module"


def by_module(changes: Sequence[str]) -> list[dict[str, Any]]:
    """Count the resources that a plan creates by module and type.

    Parameters
    ----------
    changes
        Each ``ACTION ADDRESS``, such as ``create module.storage.aws_s3_bucket.this["data"]``. Data sources,
        which are read, and other actions do not count.

    Returns
    -------
    list of dict
        ``module``, ``count`` and ``types``, pairs of a type and its count, sorted by module.
    """
    modules: dict[str, Counter[str]] = defaultdict(Counter)
    for change in changes:
        action, _, address = change.partition(" ")
        if action != "create":
            continue
        parts = re.sub(r"\[[^\]]*\]", "", address).split(".")
        path = []
        while len(parts) > 2 and parts[0] == "module":
            path.append(parts[1])
            parts = parts[2:]
        modules[".".join(path) or ROOT][parts[0]] += 1
    return [
        {"module": module, "count": types.total(), "types": sorted(types.items())}
        for module, types in sorted(modules.items())
    ]
