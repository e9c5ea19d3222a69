"""Lambda: provisioned concurrency, and the configuration that moto drops."""

from __future__ import annotations

import datetime
from typing import Any

from kennel.localcloud.call import AwsError, Call, operation
from kennel.localcloud.control.mending import replace

CONCURRENCY = "provisioned-concurrency"


def function_name(call: Call) -> str:
    """The bare name in a FunctionName, which may be a name, a partial or a whole ARN, with a qualifier."""
    name: str = call.parameters["FunctionName"].split(":function:")[-1]
    return name.split(":")[0]


def _known_qualifier(call: Call) -> tuple[str, str]:
    name, qualifier = function_name(call), call.parameters["Qualifier"]
    if qualifier == "$LATEST":
        raise AwsError(
            "InvalidParameterValueException",
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
        )
    function = call.backend().get_function(name, qualifier)  # raises what AWS answers if there is none
    return function.function_name, qualifier


@operation("lambda", "PutProvisionedConcurrencyConfig")
def put_provisioned_concurrency(call: Call) -> dict[str, Any]:
    """Set a version's or alias's provisioned concurrency; it counts against the function's reservation."""
    key = _known_qualifier(call)
    wanted = call.parameters["ProvisionedConcurrentExecutions"]
    if wanted < 1:
        raise AwsError("InvalidParameterValueException", "ProvisionedConcurrentExecutions must be 1 or more.")
    reserved = call.backend().get_function(key[0]).reserved_concurrency
    store = call.cloud.state(CONCURRENCY)
    with call.cloud.lock:
        others = sum(value["wanted"] for other, value in store.items() if other[0] == key[0] and other != key)
        if reserved is not None and wanted + others > int(reserved):
            raise AwsError(
                "InvalidParameterValueException",
                "Requested Provisioned Concurrency should not be greater than the "
                f"reservedConcurrentExecution for function: {reserved}",
            )
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
        store[key] = {"wanted": wanted, "modified": now}
    return _described(store[key])


@operation("lambda", "GetProvisionedConcurrencyConfig")
def get_provisioned_concurrency(call: Call) -> dict[str, Any]:
    return _described(_config(call))


@operation("lambda", "DeleteProvisionedConcurrencyConfig")
def delete_provisioned_concurrency(call: Call) -> dict[str, Any]:
    call.cloud.state(CONCURRENCY).pop((function_name(call), call.parameters["Qualifier"]), None)
    return {}


@operation("lambda", "ListProvisionedConcurrencyConfigs")
def list_provisioned_concurrency(call: Call) -> dict[str, Any]:
    name = function_name(call)
    found = [
        {**_described(value), "FunctionArn": call.arn(f"function:{name}:{qualifier}")}
        for (other, qualifier), value in call.cloud.state(CONCURRENCY).items()
        if other == name
    ]
    return {"ProvisionedConcurrencyConfigs": found}


def _config(call: Call) -> dict[str, Any]:
    key = (function_name(call), call.parameters["Qualifier"])
    found: dict[str, Any] | None = call.cloud.state(CONCURRENCY).get(key)
    if found is None:
        raise AwsError(
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
        )
    return found


def _described(config: dict[str, Any]) -> dict[str, Any]:
    count = config["wanted"]
    return {
        "RequestedProvisionedConcurrentExecutions": count,
        "AvailableProvisionedConcurrentExecutions": count,
        "AllocatedProvisionedConcurrentExecutions": count,
        "Status": "READY",
        "LastModified": config["modified"],
    }


def mend() -> None:
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
