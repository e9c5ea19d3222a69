"""Secrets Manager: moto shows of a secret's rotation rules the number of days only."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.moto_adapter.patching import replace


def apply() -> None:
    """Show the rules of rotation as they were given."""
    from moto.secretsmanager.models import FakeSecret

    def to_dict(self: Any) -> dict[str, Any]:
        described: dict[str, Any] = original(self)
        if "RotationRules" in described:
            described["RotationRules"] = getattr(self, "rotation_rules", {})
        return {name: value for name, value in described.items() if value is not None}

    original = replace(FakeSecret, "to_dict", to_dict)
