"""Lambda: moto drops a function's dead-letter queue and logging configuration, and most updates."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.moto_adapter.functions import keep_layers
from kennel.localcloud.moto_adapter.patching import replace


def apply() -> None:
    """Keep the dead-letter queue, the logging configuration, and every update."""
    from moto.awslambda.models import LambdaFunction

    def initialise(self: Any, account_id: str, spec: dict[str, Any], *arguments: Any, **options: Any) -> None:
        original_initialise(self, account_id, spec, *arguments, **options)
        self.dead_letter_config = spec.get("DeadLetterConfig")
        self.logging_config = spec.get("LoggingConfig") or {}
        keep_layers(self)

    def get_configuration(self: Any, on_create: bool = False) -> dict[str, Any]:
        described: dict[str, Any] = original_configuration(self, on_create)
        if (self.dead_letter_config or {}).get("TargetArn"):
            described["DeadLetterConfig"] = self.dead_letter_config
        described["LoggingConfig"] = {
            "LogFormat": "Text",
            "LogGroup": f"/aws/lambda/{self.function_name}",
            **self.logging_config,
        }
        return described

    def update_configuration(self: Any, config_updates: dict[str, Any]) -> dict[str, Any]:
        original_update(self, config_updates)
        keep_layers(self)
        self.dead_letter_config = config_updates.get("DeadLetterConfig", self.dead_letter_config)
        self.logging_config = config_updates.get("LoggingConfig", self.logging_config) or {}
        self.tracing_config = config_updates.get("TracingConfig", self.tracing_config)
        self.kms_key_arn = config_updates.get("KMSKeyArn", self.kms_key_arn)
        if config_updates.get("EphemeralStorage"):
            self.ephemeral_storage = config_updates["EphemeralStorage"]["Size"]
        return get_configuration(self)

    original_initialise = replace(LambdaFunction, "__init__", initialise)
    original_configuration = replace(LambdaFunction, "get_configuration", get_configuration)
    original_update = replace(LambdaFunction, "update_configuration", update_configuration)
