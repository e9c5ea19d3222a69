"""Lambda's configuration of provisioned concurrency, which moto does not have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore, TransientStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.functions import lambda_backend
from kennel.localcloud.protocol.messages import AwsError


@dataclass(frozen=True)
class ProvisionedConcurrency:
    """How many sandboxes a version or alias keeps ready, and since when."""

    count: int
    modified: str


@dataclass
class ProvisionedConcurrencyConfigs(KeptStore):
    """The configurations of a cloud, by function name and qualifier."""

    by_key: dict[tuple[str, str], ProvisionedConcurrency] = field(default_factory=dict)


@dataclass
class ProvisionedEnvironments(TransientStore):
    """How many environments were provisioned for each configuration, and why not more; by the same keys."""

    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)


def function_name(call: Call) -> str:
    """Return the bare name in a FunctionName: a name, a partial ARN or an ARN, with or without qualifier."""
    name: str = call.parameters["FunctionName"].split(":function:")[-1]
    return name.split(":")[0]


def _existing_qualifier(call: Call) -> tuple[str, str]:
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
    key = _existing_qualifier(call)
    count = call.parameters["ProvisionedConcurrentExecutions"]
    if count < 1:
        raise AwsError("InvalidParameterValueException", "ProvisionedConcurrentExecutions must be 1 or more.")
    request_concurrency(call.cloud, key, count)
    return _describe(call, key, _config(call))


def request_concurrency(cloud: Cloud, key: tuple[str, str], count: int) -> None:
    """Set how many environments a version or alias has; 0 removes the configuration.

    Parameters
    ----------
    key
        The function's name, and a version or alias that exists.

    Raises
    ------
    AwsError
        ``InvalidParameterValueException``: the function's reservation does not hold so many.
    """
    reserved = lambda_backend(cloud.account, cloud.region).get_function(key[0]).reserved_concurrency
    store = cloud.store(ProvisionedConcurrencyConfigs).by_key
    with cloud.lock:
        others = sum(value.count for other, value in store.items() if other[0] == key[0] and other != key)
        if reserved is not None and count + others > int(reserved):
            raise AwsError(
                "InvalidParameterValueException",
                "Requested Provisioned Concurrency should not be greater than the "
                f"reservedConcurrentExecution for function: {reserved}",
            )
        if count:
            now = cloud.clock.now().strftime("%Y-%m-%dT%H:%M:%S+0000")
            store[key] = ProvisionedConcurrency(count, now)
        else:
            store.pop(key, None)
    cloud.store(ProvisionedEnvironments).failures.pop(key, None)  # of what was requested before
    cloud.changes.note()


def requested_concurrency(cloud: Cloud, key: tuple[str, str]) -> int:
    """Return how many environments a version or alias is to have."""
    config = cloud.store(ProvisionedConcurrencyConfigs).by_key.get(key)
    return config.count if config else 0


def provisioned_environments(cloud: Cloud, key: tuple[str, str]) -> tuple[int, str]:
    """Return how many environments a version or alias has ready, and why not more if that failed."""
    environments = cloud.store(ProvisionedEnvironments)
    return environments.counts.get(key, 0), environments.failures.get(key, "")


@operation("lambda", "GetProvisionedConcurrencyConfig")
def get_provisioned_concurrency(call: Call) -> dict[str, Any]:
    """Describe the configuration of a version or alias."""
    return _describe(call, (function_name(call), call.parameters["Qualifier"]), _config(call))


@operation("lambda", "DeleteProvisionedConcurrencyConfig")
def delete_provisioned_concurrency(call: Call) -> dict[str, Any]:
    """Remove the configuration of a version or alias, if it has one."""
    call.cloud.store(ProvisionedConcurrencyConfigs).by_key.pop(
        (function_name(call), call.parameters["Qualifier"]), None
    )
    return {}


@operation("lambda", "ListProvisionedConcurrencyConfigs")
def list_provisioned_concurrency(call: Call) -> dict[str, Any]:
    """List a function's configurations."""
    name = function_name(call)
    configs = [
        {
            **_describe(call, (other, qualifier), value),
            "FunctionArn": call.arn(f"function:{name}:{qualifier}"),
        }
        for (other, qualifier), value in call.cloud.store(ProvisionedConcurrencyConfigs).by_key.items()
        if other == name
    ]
    return {"ProvisionedConcurrencyConfigs": configs}


def _config(call: Call) -> ProvisionedConcurrency:
    key = (function_name(call), call.parameters["Qualifier"])
    config = call.cloud.store(ProvisionedConcurrencyConfigs).by_key.get(key)
    if config is None:
        raise AwsError(
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
        )
    return config


def _describe(call: Call, key: tuple[str, str], config: ProvisionedConcurrency) -> dict[str, Any]:
    ready, failure = provisioned_environments(call.cloud, key)
    status = "READY" if ready == config.count else "FAILED" if failure else "IN_PROGRESS"
    described = {
        "RequestedProvisionedConcurrentExecutions": config.count,
        "AvailableProvisionedConcurrentExecutions": min(ready, config.count),
        "AllocatedProvisionedConcurrentExecutions": min(ready, config.count),
        "Status": status,
        "LastModified": config.modified,
    }
    return described | ({"StatusReason": failure} if status == "FAILED" else {})
