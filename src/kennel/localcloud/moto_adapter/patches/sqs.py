"""SQS: moto loses a queue's policy and redrive allow policy, and writes attributes in a form of its own."""

from __future__ import annotations

import json
from typing import Any

from kennel.localcloud.moto_adapter.patching import replace

REDRIVE_ALLOW = "RedriveAllowPolicy"
TIMES = ("CreatedTimestamp", "LastModifiedTimestamp")


def apply() -> None:
    """Keep the policies, and spell attributes as AWS does.

    With spaces in JSON, Terraform sees a change at every plan; without the redrive allow policy it waits for
    ever. Times are whole seconds.
    """
    from moto.sqs.models import Queue

    names = ("RedrivePolicy", REDRIVE_ALLOW)
    Queue.BASE_ATTRIBUTES = [*Queue.BASE_ATTRIBUTES, REDRIVE_ALLOW]
    replace(Queue, "redrive_allow_policy", None)  # of a queue without

    def attributes(self: Any) -> dict[str, Any]:
        values: dict[str, Any] = original.fget(self)
        values |= {name: int(values[name]) for name in TIMES}
        if self.kms_master_key_id:  # its own key takes the place of SQS's
            values["SqsManagedSseEnabled"] = "false"
        values[REDRIVE_ALLOW] = values[REDRIVE_ALLOW] or None  # an empty text removes it
        for name in names:
            if values.get(name):
                values[name] = json.dumps(json.loads(values[name]), separators=(",", ":"))
        return values

    def set_attributes(self: Any, changed: dict[str, Any], now: float | None = None) -> None:
        kept = getattr(self, "policy", None)
        set_original(self, changed, now)
        if "Policy" not in changed:  # moto takes it for removed
            self.policy = kept

    original = replace(Queue, "attributes", property(attributes))
    set_original = replace(Queue, "_set_attributes", set_attributes)
