"""Lambda's Invoke: the function really runs; results, errors and throttling are as on AWS."""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import unquote

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.functions import find_version
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.lambda_.asynchronous import invoke_later
from kennel.localcloud.services.lambda_.execution import reserved_concurrency, run
from kennel.localcloud.services.lambda_.function_version import read_version

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST_SYNCHRONOUS, LARGEST_EVENT = 6_291_456, 1_048_576


@operation("lambda", "Invoke")
def invoke(call: Call) -> Response:
    """Run a function, or accept an event for it."""
    parameters = call.parameters
    record = find_function(call, unquote(parameters["FunctionName"]), parameters.get("Qualifier"))
    invocation_type = parameters.get("InvocationType") or "RequestResponse"
    payload = call.body or b""
    _check(payload, invocation_type)
    if invocation_type == "DryRun":
        return Response(204, [], b"")
    version, qualifier = read_version(record), qualifier_of(parameters)
    latest = call.backend("lambda").get_function(record.function_name)
    if invocation_type == "Event":
        invoke_later(call.cloud, version, latest, payload or b"{}", qualifier)
        return Response(202, [("X-Amz-Executed-Version", version.version)], b"")
    context = base64.b64decode(parameters.get("ClientContext") or "").decode(errors="replace")
    reserved = reserved_concurrency(latest)
    result = run(call.cloud, version, reserved, payload or b"{}", context, qualifier=qualifier)
    headers = [("X-Amz-Executed-Version", version.version), ("Content-Type", "application/json")]
    if result.error:
        headers.append(("X-Amz-Function-Error", result.error))
    if parameters.get("LogType") == "Tail":
        headers.append(("X-Amz-Log-Result", base64.b64encode(result.tail).decode()))
    return Response(200, headers, result.body)


@operation("lambda", "InvokeAsync")
def invoke_async(call: Call) -> Response:
    """Accept an event for a function, as clients of before 2014 send it."""
    record = find_function(call, unquote(call.parameters["FunctionName"]), None)
    payload = call.body or b"{}"
    _check(payload, "Event")
    latest = call.backend("lambda").get_function(record.function_name)
    invoke_later(call.cloud, read_version(record), latest, payload, None)
    return Response(202, [], b"")


def qualifier_of(parameters: dict[str, Any]) -> str | None:
    """Return the version or alias that a request names, with the function or beside it."""
    inner = re.search(r"(?:^|:function:)[^:]+:([^:]+)$", unquote(parameters["FunctionName"]))
    return inner[1] if inner else parameters.get("Qualifier")


def _check(payload: bytes, invocation_type: str) -> None:
    limit = LARGEST_EVENT if invocation_type == "Event" else LARGEST_SYNCHRONOUS
    if len(payload) > limit:
        raise AwsError(
            "RequestTooLargeException",
            f"{len(payload)} byte payload is too large for the {invocation_type} invocation type "
            f"(limit {limit} bytes)",
            413,
        )
    try:
        json.loads(payload or b"{}")
    except ValueError as error:
        message = f"Could not parse request body into json: Could not parse payload into json: {error}"
        raise AwsError("InvalidRequestContentException", message, 400) from error


def find_function(call: Call, name: str, qualifier: str | None) -> Any:
    """Return moto's record of the version that a function's name or ARN and a qualifier name.

    Raises
    ------
    AwsError
        ``ResourceNotFoundException``.
    """
    matched = re.fullmatch(r"(?:arn:aws:lambda:[^:]+:\d+:function:|\d+:function:)?([^:]+)(?::([^:]+))?", name)
    short, inner = matched.groups() if matched else (name, None)
    qualifier = inner or qualifier
    record = find_version(call.backend("lambda"), short, qualifier)
    if record is None:
        arn = call.arn(f"function:{short}" + (f":{qualifier}" if qualifier else ""), "lambda")
        raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404, Type="User")
    return record
