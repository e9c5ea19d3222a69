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
        values: dict[str, Any] = original.fget(self)
        for name in names:
            if values.get(name):
                values[name] = json.dumps(json.loads(values[name]), separators=(",", ":"))
        return values

    original = replace(Queue, "attributes", property(attributes))
