"""Lambda's asynchronous invocations: accepted at once, retried, and in the end sent where failures go."""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime import cloudwatch_metrics as metrics
from kennel.localcloud.runtime.role_session import in_words, role_session
from kennel.localcloud.services.lambda_.deployment import Deployment
from kennel.localcloud.services.lambda_.execution import reserved, run
from kennel.localcloud.services.lambda_.sandbox import SERVICE, Outcome

if TYPE_CHECKING:
    from kennel.localcloud.dispatch.cloud import Cloud

log = logging.getLogger(__name__)

# AWS waits one minute before the first retry and two before the second
# (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html); a rehearsal cannot.
RETRY_SECONDS = (1.0, 2.0)
THROTTLED_SECONDS = 1.0  # a throttled event goes back to the queue; AWS backs off from one second up
OLDEST_SECONDS = 6 * 3600


def invoke_later(cloud: Cloud, deployment: Deployment, latest: Any, payload: bytes) -> None:
    """Accept an event for a function: it runs in the background.

    Parameters
    ----------
    cloud, deployment
        Where, and which version.
    latest
        moto's record of the function's latest version, which holds what all versions share.
    payload
        The event, as JSON.
    """
    threading.Thread(
        target=_deliver,
        args=(cloud, deployment, latest, payload),
        name=f"event for {deployment.name}",
        daemon=True,
    ).start()


def _deliver(cloud: Cloud, deployment: Deployment, latest: Any, payload: bytes) -> None:
    settings = _settings(latest)
    retries = settings.get("MaximumRetryAttempts", len(RETRY_SECONDS))
    until = time.monotonic() + settings.get("MaximumEventAgeInSeconds", OLDEST_SECONDS)
    request_id, attempt = str(uuid.uuid4()), 0
    while True:
        outcome: Outcome | None = None
        try:
            outcome = run(cloud, deployment, reserved(latest), payload, request_id=request_id)
        except AwsError as error:
            if error.code == "TooManyRequestsException" and reserved(latest) != 0:
                if time.monotonic() + THROTTLED_SECONDS < until:
                    time.sleep(THROTTLED_SECONDS)
                    continue
            else:
                log.warning("an event for %s failed: %s", deployment.name, error.message)
        if outcome and not outcome.error:
            _send(
                cloud,
                deployment,
                settings,
                "OnSuccess",
                _record(deployment, request_id, payload, outcome, attempt),
            )
            return
        if attempt >= retries or outcome is None or time.monotonic() > until:
            break
        time.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
        attempt += 1
    _fail(cloud, deployment, latest, payload, request_id, outcome, attempt)


def _settings(latest: Any) -> dict[str, Any]:
    """Return the function's event-invoke configuration: the last one put."""
    return dict(latest.event_invoke_config[-1].config) if latest.event_invoke_config else {}


def _fail(
    cloud: Cloud,
    deployment: Deployment,
    latest: Any,
    payload: bytes,
    request_id: str,
    outcome: Outcome | None,
    attempt: int,
) -> None:
    _send(
        cloud,
        deployment,
        _settings(latest),
        "OnFailure",
        _record(deployment, request_id, payload, outcome, attempt),
    )
    target = (getattr(latest, "dead_letter_config", None) or {}).get("TargetArn")
    if target:
        message = _error_message(outcome)[:1024]
        attributes = {
            "RequestID": {"DataType": "String", "StringValue": request_id},
            "ErrorCode": {"DataType": "Number", "StringValue": "200" if outcome else "429"},
            "ErrorMessage": {"DataType": "String", "StringValue": message or "unknown"},
        }
        _put(cloud, deployment, target, payload.decode(errors="replace"), attributes, "DeadLetterErrors")


def _error_message(outcome: Outcome | None) -> str:
    if outcome is None:
        return "Rate Exceeded."
    try:
        return str(json.loads(outcome.body).get("errorMessage", ""))
    except (ValueError, AttributeError):
        return outcome.body.decode(errors="replace")


def _record(
    deployment: Deployment, request_id: str, payload: bytes, outcome: Outcome | None, attempt: int
) -> dict[str, Any]:
    """Return the record that a destination gets.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    condition = (
        "Success" if outcome and not outcome.error else "RetriesExhausted" if outcome else "EventAgeExceeded"
    )
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": request_id,
            "functionArn": deployment.arn,
            "condition": condition,
            "approximateInvokeCount": attempt + 1,
        },
        "requestPayload": json.loads(payload),
    }
    if outcome:
        record["responseContext"] = {"statusCode": 200, "executedVersion": deployment.version}
        if outcome.error:
            record["responseContext"]["functionError"] = outcome.error
        record["responsePayload"] = json.loads(outcome.body or b"null")
    return record


def _send(
    cloud: Cloud, deployment: Deployment, settings: dict[str, Any], which: str, record: dict[str, Any]
) -> None:
    target = ((settings.get("DestinationConfig") or {}).get(which) or {}).get("Destination")
    if target:
        _put(cloud, deployment, target, json.dumps(record), {}, "DestinationDeliveryFailures")


def _put(
    cloud: Cloud, deployment: Deployment, target: str, body: str, attributes: dict[str, Any], metric: str
) -> None:
    """Send a message to a queue or topic with the function's own role; a failure is a metric, as on AWS."""
    service, name = target.split(":")[2], target.split(":")[-1]
    try:
        client = role_session(cloud, deployment.role, SERVICE, deployment.name).client(service)
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
        reason = in_words(error) if isinstance(error, ClientError) else error.message
        log.warning("function %s could not send a record to %s: %s", deployment.name, target, reason)
        metrics.publish(cloud, "AWS/Lambda", {"FunctionName": deployment.name}, **{metric: 1})
