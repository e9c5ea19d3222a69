"""Lambda's asynchronous invocations: accepted at once, retried, and recorded at their destinations."""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime import cloudwatch_metrics as metrics
from kennel.localcloud.runtime.role_session import error_text, role_session
from kennel.localcloud.services.lambda_.execution import reserved_concurrency, run
from kennel.localcloud.services.lambda_.function_version import FunctionVersion
from kennel.localcloud.services.lambda_.sandbox import SERVICE, InvocationResult

log = logging.getLogger(__name__)

# AWS waits one minute before the first retry and two before the second
# (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html); a rehearsal cannot.
RETRY_SECONDS = (1.0, 2.0)
THROTTLED_SECONDS = 1.0  # a throttled event goes back to the queue; AWS backs off from one second up
OLDEST_SECONDS = 6 * 3600


def invoke_later(cloud: Cloud, version: FunctionVersion, latest: Any, payload: bytes) -> None:
    """Accept an event for a function: it runs in the background.

    Parameters
    ----------
    cloud, version
        Where, and which version.
    latest
        moto's record of the function's latest version, which holds what all versions share.
    payload
        The event, as JSON.
    """
    threading.Thread(
        target=_deliver,
        args=(cloud, version, latest, payload),
        name=f"event for {version.name}",
        daemon=True,
    ).start()


def _deliver(cloud: Cloud, version: FunctionVersion, latest: Any, payload: bytes) -> None:
    settings = _settings(latest)
    retries = settings.get("MaximumRetryAttempts", len(RETRY_SECONDS))
    until = time.monotonic() + settings.get("MaximumEventAgeInSeconds", OLDEST_SECONDS)
    request_id, attempt = str(uuid.uuid4()), 0
    while True:
        result: InvocationResult | None = None
        try:
            result = run(cloud, version, reserved_concurrency(latest), payload, request_id=request_id)
        except AwsError as error:
            if error.code == "TooManyRequestsException" and reserved_concurrency(latest) != 0:
                if time.monotonic() + THROTTLED_SECONDS < until:
                    time.sleep(THROTTLED_SECONDS)
                    continue
            else:
                log.warning("an event for %s failed: %s", version.name, error.message)
        if result and not result.error:
            _send(
                cloud,
                version,
                settings,
                "OnSuccess",
                _record(version, request_id, payload, result, attempt),
            )
            return
        if attempt >= retries or result is None or time.monotonic() > until:
            break
        time.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
        attempt += 1
    _fail(cloud, version, latest, payload, request_id, result, attempt)


def _settings(latest: Any) -> dict[str, Any]:
    """Return the function's event-invoke configuration: the last one put."""
    return dict(latest.event_invoke_config[-1].config) if latest.event_invoke_config else {}


def _fail(
    cloud: Cloud,
    version: FunctionVersion,
    latest: Any,
    payload: bytes,
    request_id: str,
    result: InvocationResult | None,
    attempt: int,
) -> None:
    _send(
        cloud,
        version,
        _settings(latest),
        "OnFailure",
        _record(version, request_id, payload, result, attempt),
    )
    target = (getattr(latest, "dead_letter_config", None) or {}).get("TargetArn")
    if target:
        message = _error_message(result)[:1024]
        attributes = {
            "RequestID": {"DataType": "String", "StringValue": request_id},
            "ErrorCode": {"DataType": "Number", "StringValue": "200" if result else "429"},
            "ErrorMessage": {"DataType": "String", "StringValue": message or "unknown"},
        }
        _put(cloud, version, target, payload.decode(errors="replace"), attributes, "DeadLetterErrors")


def _error_message(result: InvocationResult | None) -> str:
    if result is None:
        return "Rate Exceeded."
    try:
        return str(json.loads(result.body).get("errorMessage", ""))
    except (ValueError, AttributeError):
        return result.body.decode(errors="replace")


def _record(
    version: FunctionVersion, request_id: str, payload: bytes, result: InvocationResult | None, attempt: int
) -> dict[str, Any]:
    """Return the record that a destination gets.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    condition = (
        "Success" if result and not result.error else "RetriesExhausted" if result else "EventAgeExceeded"
    )
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": request_id,
            "functionArn": version.arn,
            "condition": condition,
            "approximateInvokeCount": attempt + 1,
        },
        "requestPayload": json.loads(payload),
    }
    if result:
        record["responseContext"] = {"statusCode": 200, "executedVersion": version.version}
        if result.error:
            record["responseContext"]["functionError"] = result.error
        record["responsePayload"] = json.loads(result.body or b"null")
    return record


def _send(
    cloud: Cloud, version: FunctionVersion, settings: dict[str, Any], which: str, record: dict[str, Any]
) -> None:
    target = ((settings.get("DestinationConfig") or {}).get(which) or {}).get("Destination")
    if target:
        _put(cloud, version, target, json.dumps(record), {}, "DestinationDeliveryFailures")


def _put(
    cloud: Cloud, version: FunctionVersion, target: str, body: str, attributes: dict[str, Any], metric: str
) -> None:
    """Send a message to a queue or topic with the function's own role; a failure is a metric, as on AWS."""
    service, name = target.split(":")[2], target.split(":")[-1]
    try:
        client = role_session(cloud, version.role, SERVICE, version.name).client(service)
        if service == "sqs":
            url = f"{cloud.endpoint_url}/{cloud.account}/{name}"
            client.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)
        elif service == "sns":
            client.publish(TopicArn=target, Message=body, MessageAttributes=attributes)
        else:
            raise AwsError(
                "InvalidParameterValueException", f"The local cloud sends no records to {service}."
            )
    except (ClientError, ServiceException) as error:
        log.warning("function %s could not send a record to %s: %s", version.name, target, error_text(error))
        metrics.publish(cloud, "AWS/Lambda", {"FunctionName": version.name}, **{metric: 1})
