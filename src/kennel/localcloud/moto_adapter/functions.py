"""moto's records of Lambda functions, and its own way to invoke one."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from kennel.localcloud import ACCOUNT_ID
from kennel.localcloud.moto_adapter.patching import replace

# From moto's record of a version and an event (JSON text, a dict, or None) to the response's text, whether it
# is an error, and the log.
Invocation = Callable[[Any, Any], tuple[str, bool, str]]


LAYER_CONTENTS = "kennel_layers"  # the attribute of a function's record with those of its layers


def keep_layers(record: Any) -> None:
    """Keep the layers that a function names with its record: it needs them when they are deleted."""
    backend = lambda_backend(record.account_id, record.region)
    known = {layer.arn: layer for layer in getattr(record, LAYER_CONTENTS, ())}
    layers = [backend.layers_versions_by_arn(each["Arn"]) or known.get(each["Arn"]) for each in record.layers]
    setattr(record, LAYER_CONTENTS, [layer for layer in layers if layer])


def lambda_backend(account: str, region: str) -> Any:
    """Return moto's Lambda of an account and region."""
    from moto.awslambda.models import lambda_backends

    return lambda_backends[account][region]


def find_version(backend: Any, name: str, qualifier: str | None) -> Any | None:
    """Return moto's record of a function's version, or None.

    Parameters
    ----------
    backend
        moto's Lambda of an account and region.
    name
        The function's name.
    qualifier
        A version, an alias, or None for the latest version. An alias with routing weights gives one of its
        versions, by chance, as on AWS.
    """
    functions = backend._lambdas
    if name not in functions._functions:
        return None
    alias = functions._get_function_aliases(name).get(qualifier)
    if alias:
        qualifier = _route(alias)
    if qualifier in (None, "$LATEST"):
        return functions._functions[name]["latest"]
    return functions._get_version(name, qualifier)


def _route(alias: Any) -> str:
    """Return the version that an invocation of an alias goes to."""
    draw = random.random()  # noqa: S311 - traffic shifting, not a secret
    weights: dict[str, float] = (alias.routing_config or {}).get("AdditionalVersionWeights") or {}
    for version, weight in weights.items():
        if draw < float(weight):
            return version
        draw -= float(weight)
    version_of_alias: str = alias.function_version
    return version_of_alias


def run_functions_with(invoke: Invocation) -> None:
    """Let moto's triggers, e.g. subscription filters of logs, invoke functions through `invoke`.

    moto itself starts a Docker container for each invocation.
    """
    from moto.awslambda.models import LambdaFunction

    def invoke_lambda(self: Any, event: Any = None) -> tuple[str, bool, str]:
        return invoke(self, event)

    replace(LambdaFunction, "_invoke_lambda", invoke_lambda)


def event_source_mappings(account: str, region: str) -> list[Any]:
    """Return moto's records of the event source mappings of a region."""
    return list(lambda_backend(account, region)._event_source_mappings.values())


def event_source_mapping(backend: Any, mapping_id: str) -> Any | None:
    """Return moto's record of an event source mapping; None if there is none."""
    return backend._event_source_mappings.get(mapping_id)


def function_of_mapping(region: str, mapping_id: str) -> str | None:
    """Return the name or ARN of the function of an event source mapping; None if there is no such mapping."""
    from moto.awslambda.models import lambda_backends

    mapping = lambda_backends[ACCOUNT_ID][region].get_event_source_mapping(mapping_id)
    return str(mapping.function_name) if mapping else None


def leave_queues_alone(backend: Any, mapping: Any) -> None:
    """Keep moto from invoking a mapping's function itself, within SendMessage."""
    queue = _queue(mapping.event_source_arn)
    if queue is not None:
        queue.lambda_event_source_mappings.clear()


def wait_for_messages(queue_arn: str, seconds: float) -> bool:
    """Wait until a queue has a message that can be received, and return whether it has.

    Raises
    ------
    LookupError
        There is no such queue.
    """
    queue = _queue(queue_arn)
    if queue is None:
        raise LookupError(f"there is no queue {queue_arn}")
    queue.wait_for_messages(seconds)
    return bool(queue.messages)


def _queue(arn: str) -> Any | None:
    from moto.sqs.models import sqs_backends

    _, _, _, region, account, name = arn.split(":")
    return sqs_backends[account][region].queues.get(name)
