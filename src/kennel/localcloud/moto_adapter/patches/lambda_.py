"""Lambda: moto's functions lose their dead-letter queue, logging configuration and most updates."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.moto_adapter.patching import replace


def apply() -> None:
    """Make moto's function keep its dead-letter queue and logging configuration, and every update."""
    from moto.awslambda.models import LambdaFunction

    def keep_more(self: Any, account_id: str, spec: dict[str, Any], *more: Any, **named: Any) -> None:
        start(self, account_id, spec, *more, **named)
        self.dead_letter_config = spec.get("DeadLetterConfig")
        self.logging_config = spec.get("LoggingConfig") or {}

    def get_configuration(self: Any, on_create: bool = False) -> dict[str, Any]:
        found: dict[str, Any] = configuration(self, on_create)
        if (self.dead_letter_config or {}).get("TargetArn"):
            found["DeadLetterConfig"] = self.dead_letter_config
        found["LoggingConfig"] = {
            "LogFormat": "Text",
            "LogGroup": f"/aws/lambda/{self.function_name}",
            **self.logging_config,
        }
        return found

    def update_configuration(self: Any, config_updates: dict[str, Any]) -> dict[str, Any]:
        update(self, config_updates)
        self.dead_letter_config = config_updates.get("DeadLetterConfig", self.dead_letter_config)
        self.logging_config = config_updates.get("LoggingConfig", self.logging_config) or {}
        self.tracing_config = config_updates.get("TracingConfig", self.tracing_config)
        self.kms_key_arn = config_updates.get("KMSKeyArn", self.kms_key_arn)
        if config_updates.get("EphemeralStorage"):
            self.ephemeral_storage = config_updates["EphemeralStorage"]["Size"]
        return get_configuration(self)

    start = replace(LambdaFunction, "__init__", keep_more)
    configuration = replace(LambdaFunction, "get_configuration", get_configuration)
    update = replace(LambdaFunction, "update_configuration", update_configuration)
