"""SQS: moto writes a redrive policy with spaces, which AWS does not."""

from __future__ import annotations

import json
from typing import Any

from kennel.localcloud.moto_adapter.patching import replace


def apply() -> None:
    """Spell JSON attributes compactly; with spaces, Terraform sees a change at every plan."""
    from moto.sqs.models import Queue

    names = ("RedrivePolicy", "RedriveAllowPolicy")

    def attributes(self: Any) -> dict[str, Any]:
        found: dict[str, Any] = original.fget(self)
        for name in names:
            if found.get(name):
                found[name] = json.dumps(json.loads(found[name]), separators=(",", ":"))
        return found

    original = replace(Queue, "attributes", property(attributes))
