"""Lambda's asynchronous invocations: accepted at once, retried, and recorded at their destinations."""

from __future__ import annotations

import json
import logging
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.clock import Participant
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.role_session import error_text, role_session
from kennel.localcloud.services.lambda_ import function_metrics as metrics
from kennel.localcloud.services.lambda_.execution import reserved_concurrency, run
from kennel.localcloud.services.lambda_.function_version import FunctionVersion
from kennel.localcloud.services.lambda_.sandbox import SERVICE, InvocationResult

log = logging.getLogger(__name__)

# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
RETRY_SECONDS = (60.0, 120.0)
REHEARSED_RETRY_SECONDS = (1.0, 2.0)  # where the clock follows the wall's: a rehearsal cannot wait as long
THROTTLED_SECONDS = 1.0  # a throttled event goes back to the queue; AWS backs off from one second up
OLDEST_SECONDS = 6 * 3600
LONGEST_MESSAGE = 1024


def invoke_later(
    cloud: Cloud, version: FunctionVersion, latest: Any, payload: bytes, qualifier: str | None = None
) -> None:
    """Accept an event for a function: it runs in the background.

    Parameters
    ----------
    cloud, version
        The local cloud, and the version to run.
    latest
        moto's record of the function's latest version, which holds what all versions share.
    payload
        The event, as JSON.
    qualifier
        The version or alias that the caller named.
    """
    event = AsynchronousEvent(cloud, version, latest, payload, qualifier)
    metrics.publish(cloud, version.name, qualifier, AsyncEventsReceived=1)
    cloud.store(AcceptedEvents).by_id[event.request_id] = event
    cloud.changes.note()
    event.start()


@dataclass(frozen=True)
class AsynchronousEvent:
    """An event that was accepted, with what decides on its retries and destinations; see `invoke_later`."""

    cloud: Cloud
    version: FunctionVersion
    latest: Any
    payload: bytes
    qualifier: str | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def settings(self) -> dict[str, Any]:
        """The function's event-invoke configuration: the last one put."""
        configurations = self.latest.event_invoke_config
        return dict(configurations[-1].config) if configurations else {}

    def start(self) -> None:
        """Deliver it in the background."""
        participant = self.cloud.clock.participant(f"an event for {self.version.name}")
        threading.Thread(
            target=self._run, args=(participant,), name=f"event for {self.version.name}", daemon=True
        ).start()

    def _run(self, participant: Participant) -> None:
        try:
            with self.cloud.clock.taking_part(participant):
                self.deliver()
        finally:
            self.cloud.store(AcceptedEvents).by_id.pop(self.request_id, None)
            self.cloud.changes.note()

    def deliver(self) -> None:
        """Run the function until it succeeds or the retries are used up, and send the record of it."""
        settings, clock = self.settings, self.cloud.clock
        retries = settings.get("MaximumRetryAttempts", len(RETRY_SECONDS))
        until = clock.monotonic() + settings.get("MaximumEventAgeInSeconds", OLDEST_SECONDS)
        attempt = 0
        while True:
            result: InvocationResult | None = None
            reserved = reserved_concurrency(self.latest)
            try:
                result = run(
                    self.cloud,
                    self.version,
                    reserved,
                    self.payload,
                    request_id=self.request_id,
                    qualifier=self.qualifier,
                )
            except AwsError as error:
                if error.code == "TooManyRequestsException" and reserved != 0:
                    if clock.monotonic() + THROTTLED_SECONDS < until:
                        clock.wait(THROTTLED_SECONDS)
                        continue
                else:
                    log.warning("an event for %s failed: %s", self.version.name, error.message)
            if result and not result.error:
                self._send_record(settings, "OnSuccess", result, attempt)
                return
            pauses = REHEARSED_RETRY_SECONDS if clock.speed == 1 else RETRY_SECONDS
            pause = pauses[min(attempt, len(pauses) - 1)]
            if attempt >= retries or result is None or clock.monotonic() + pause > until:
                break
            clock.wait(pause)
            attempt += 1
        metrics.publish(self.cloud, self.version.name, self.qualifier, AsyncEventsDropped=1)
        self._send_record(self.settings, "OnFailure", result, attempt)
        self._send_dead_letter(result)

    def _send_record(
        self, settings: dict[str, Any], condition: str, result: InvocationResult | None, attempt: int
    ) -> None:
        """Send what happened to the destination of a condition (OnSuccess, OnFailure), if there is one."""
        destination = (settings.get("DestinationConfig") or {}).get(condition) or {}
        if destination.get("Destination"):
            record = json.dumps(self._record(result, attempt))
            self._send(destination["Destination"], record, {}, "DestinationDeliveryFailures")

    def _record(self, result: InvocationResult | None, attempt: int) -> dict[str, Any]:
        """Return the record that a destination gets.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        """
        if result is None:
            condition = "EventAgeExceeded"
        else:
            condition = "RetriesExhausted" if result.error else "Success"
        record: dict[str, Any] = {
            "version": "1.0",
            "timestamp": self.cloud.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {
                "requestId": self.request_id,
                "functionArn": self.version.arn,
                "condition": condition,
                "approximateInvokeCount": attempt + 1,
            },
            "requestPayload": json.loads(self.payload),
        }
        if result:
            record["responseContext"] = {"statusCode": 200, "executedVersion": self.version.version}
            if result.error:
                record["responseContext"]["functionError"] = result.error
            record["responsePayload"] = json.loads(result.body or b"null")
        return record

    def _send_dead_letter(self, result: InvocationResult | None) -> None:
        """Send the event itself to the function's dead-letter queue or topic, if it has one."""
        target = (getattr(self.latest, "dead_letter_config", None) or {}).get("TargetArn")
        if target:
            message = _error_message(result)[:LONGEST_MESSAGE]
            attributes = {
                "RequestID": {"DataType": "String", "StringValue": self.request_id},
                "ErrorCode": {"DataType": "Number", "StringValue": "200" if result else "429"},
                "ErrorMessage": {"DataType": "String", "StringValue": message or "unknown"},
            }
            self._send(target, self.payload.decode(errors="replace"), attributes, "DeadLetterErrors")

    def _send(self, target: str, body: str, attributes: dict[str, Any], failure_metric: str) -> None:
        """Send a message to a queue or topic with the function's role; a failure is a metric, as on AWS."""
        service, resource = target.split(":")[2], target.split(":")[-1]
        cloud, name = self.cloud, self.version.name
        try:
            client = role_session(cloud, self.version.role, SERVICE, name).client(service)
            if service == "sqs":
                url = f"{cloud.endpoint_url}/{cloud.account}/{resource}"
                client.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)
            elif service == "sns":
                client.publish(TopicArn=target, Message=body, MessageAttributes=attributes)
            else:
                raise AwsError(
                    "InvalidParameterValueException", f"The local cloud sends no records to {service}."
                )
        except (ClientError, ServiceException) as error:
            log.warning("function %s could not send a record to %s: %s", name, target, error_text(error))
            metrics.publish(cloud, name, self.qualifier, **{failure_metric: 1})


@dataclass
class AcceptedEvents(KeptStore):
    """The events that were accepted and are not done with, by request id."""

    by_id: dict[str, AsynchronousEvent] = field(default_factory=dict)

    def resume(self, cloud: Cloud) -> None:
        """Deliver them again, as AWS does after an interruption: a function may see an event twice."""
        for event in list(self.by_id.values()):
            event.start()


def _error_message(result: InvocationResult | None) -> str:
    if result is None:
        return "Rate Exceeded."
    try:
        return str(json.loads(result.body).get("errorMessage", ""))
    except (ValueError, AttributeError):
        return result.body.decode(errors="replace")
