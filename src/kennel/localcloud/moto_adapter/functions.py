"""moto's records of Lambda functions, and its own way to invoke one."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from kennel.localcloud.moto_adapter.patching import replace

# From moto's record of a version and an event (JSON text, a dict, or None) to the response's text, whether it
# is an error, and the log.
Invocation = Callable[[Any, Any], tuple[str, bool, str]]


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
    """Let moto's triggers (queues, notifications, topics) invoke functions through `invoke`.

    moto itself starts a Docker container for each invocation.
    """
    from moto.awslambda.models import LambdaFunction

    def invoke_lambda(self: Any, event: Any = None) -> tuple[str, bool, str]:
        return invoke(self, event)

    replace(LambdaFunction, "_invoke_lambda", invoke_lambda)
