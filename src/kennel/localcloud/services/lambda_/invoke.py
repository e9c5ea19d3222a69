"""Lambda's Invoke: the deployed version really runs, and answers, fails and is throttled as on AWS."""

from __future__ import annotations

import base64
import json
import random
import re
from typing import Any
from urllib.parse import unquote

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.lambda_.asynchronous import invoke_later
from kennel.localcloud.services.lambda_.deployment import Deployment
from kennel.localcloud.services.lambda_.execution import reserved, run

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST_SYNCHRONOUS, LARGEST_EVENT = 6_291_456, 1_048_576


@operation("lambda", "Invoke")
def invoke(call: Call) -> Response:
    """Run a function, or accept an event for it."""
    parameters = call.parameters
    function = find(call, unquote(parameters["FunctionName"]), parameters.get("Qualifier"))
    kind = parameters.get("InvocationType") or "RequestResponse"
    payload = call.body or b""
    _check(payload, kind)
    if kind == "DryRun":
        return Response(204, [], b"")
    deployment = deployed(function)
    latest = call.backend("lambda").get_function(function.function_name)
    if kind == "Event":
        invoke_later(call.cloud, deployment, latest, payload or b"{}")
        return Response(202, [("X-Amz-Executed-Version", deployment.version)], b"")
    context = base64.b64decode(parameters.get("ClientContext") or "").decode(errors="replace")
    outcome = run(call.cloud, deployment, reserved(latest), payload or b"{}", context)
    headers = [("X-Amz-Executed-Version", deployment.version), ("Content-Type", "application/json")]
    if outcome.error:
        headers.append(("X-Amz-Function-Error", outcome.error))
    if parameters.get("LogType") == "Tail":
        headers.append(("X-Amz-Log-Result", base64.b64encode(outcome.tail).decode()))
    return Response(200, headers, outcome.body)


def _check(payload: bytes, kind: str) -> None:
    limit = LARGEST_EVENT if kind == "Event" else LARGEST_SYNCHRONOUS
    if len(payload) > limit:
        raise AwsError(
            "RequestTooLargeException",
            f"{len(payload)} byte payload is too large for the {kind} invocation type (limit {limit} bytes)",
            413,
        )
    try:
        json.loads(payload or b"{}")
    except ValueError as error:
        message = f"Could not parse request body into json: Could not parse payload into json: {error}"
        raise AwsError("InvalidRequestContentException", message, 400) from error


def find(call: Call, name: str, qualifier: str | None) -> Any:
    """Return moto's record of the version that a name or ARN, and a qualifier, mean.

    Raises
    ------
    AwsError
        ``ResourceNotFoundException``.
    """
    matched = re.fullmatch(r"(?:arn:aws:lambda:[^:]+:\d+:function:|\d+:function:)?([^:]+)(?::([^:]+))?", name)
    short, inner = matched.groups() if matched else (name, None)
    qualifier = inner or qualifier
    found = version_of(call.backend("lambda")._lambdas, short, qualifier)
    if found is None:
        arn = call.arn(f"function:{short}" + (f":{qualifier}" if qualifier else ""), "lambda")
        raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404, Type="User")
    return found


def version_of(storage: Any, name: str, qualifier: str | None) -> Any | None:
    """Return moto's record of a function's version, or None.

    An alias with routing weights gives one of its versions, by chance, as on AWS.
    """
    if name not in storage._functions:
        return None
    alias = storage._get_function_aliases(name).get(qualifier)
    if alias:
        qualifier = alias.function_version
        draw = random.random()  # noqa: S311 - traffic shifting, not a secret
        for version, weight in ((alias.routing_config or {}).get("AdditionalVersionWeights") or {}).items():
            if draw < float(weight):
                qualifier = version
                break
            draw -= float(weight)
    if qualifier in (None, "$LATEST"):
        return storage._functions[name]["latest"]
    return storage._get_version(name, qualifier)


def deployed(function: Any) -> Deployment:
    """Return what moto's record of a version says is deployed.

    Raises
    ------
    AwsError
        It is a container image, which the local cloud does not run.
    """
    if function.package_type != "Zip":
        raise AwsError(
            "InvalidParameterValueException", "The local cloud runs zip packages only, not images."
        )
    logging = getattr(function, "logging_config", None) or {}
    return Deployment(
        name=function.function_name,
        version=str(function.version),
        arn=function.function_arn,
        role=function.role,
        handler=function.handler,
        runtime=function.run_time,
        timeout=float(function.timeout),
        memory=int(function.memory_size),
        code_sha256=function.code_sha_256,
        variables=tuple(sorted((function.environment_vars or {}).items())),
        log_group=logging.get("LogGroup") or f"/aws/lambda/{function.function_name}",
        log_format=logging.get("LogFormat") or "Text",
        log_level=logging.get("ApplicationLogLevel") or "",
        code=function.code_bytes,
    )
