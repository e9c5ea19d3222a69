"""SQS: a redrive policy is returned as AWS does, without spaces."""

from __future__ import annotations

import json
from typing import Any


def mend() -> None:
    """Spell JSON attributes compactly; with spaces, Terraform sees a change at every plan."""
    from moto.sqs.models import Queue

    original = Queue.attributes.fget
    names = ("RedrivePolicy", "RedriveAllowPolicy")

    def attributes(self: Any) -> dict[str, Any]:
        found: dict[str, Any] = original(self)
        for name in names:
            if found.get(name):
                found[name] = json.dumps(json.loads(found[name]), separators=(",", ":"))
        return found

    Queue.attributes = property(attributes)
