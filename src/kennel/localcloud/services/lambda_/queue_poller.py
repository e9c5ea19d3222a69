"""Lambda's pollers: messages of a queue become events of a function, received and deleted with its role.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.moto_adapter.functions import (
    event_source_mapping,
    event_source_mappings,
    find_version,
    lambda_backend,
    wait_for_messages,
)
from kennel.localcloud.runtime.role_session import error_text, role_session
from kennel.localcloud.services.lambda_.execution import reserved_concurrency, run
from kennel.localcloud.services.lambda_.function_version import FunctionVersion, read_version
from kennel.localcloud.services.lambda_.sandbox import SERVICE, InvocationResult

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0  # how soon a poller sees that its mapping was disabled or deleted
PAUSE_SECONDS = 5.0  # after a failure of the queue or the role
MOST_RECEIVED = 10  # by one ReceiveMessage
LARGEST_BATCH = 6_000_000  # bytes of messages in one event
PARTIAL = "ReportBatchItemFailures"


def poll_queues(cloud: Cloud) -> None:
    """Poll for every mapping of a region that a snapshot held."""
    for mapping in event_source_mappings(cloud.account, cloud.region):
        poll(cloud, mapping.uuid)


def poll(cloud: Cloud, mapping_id: str) -> None:
    """Poll for a mapping in the background, until it is deleted or the cloud shuts down."""
    ended = threading.Event()
    cloud.on_shutdown(ended.set)
    poller = _Poller(cloud, mapping_id, ended)
    threading.Thread(target=poller.work, name=f"queue of {mapping_id}", daemon=True).start()


@dataclass
class _Poller:
    cloud: Cloud
    mapping_id: str
    ended: threading.Event

    def work(self) -> None:
        backend = lambda_backend(self.cloud.account, self.cloud.region)
        while not self.ended.is_set():
            mapping = event_source_mapping(backend, self.mapping_id)
            if mapping is None:
                return
            try:
                if not mapping.enabled:
                    self.ended.wait(LOOK_SECONDS)
                elif wait_for_messages(mapping.event_source_arn, LOOK_SECONDS):
                    self._take_batch(backend, mapping)
            except (ClientError, ServiceException, BotoCoreError, LookupError) as error:
                log.warning("the queue %s: %s", mapping.event_source_arn, error_text(error))
                self.ended.wait(PAUSE_SECONDS)
            except Exception:
                log.exception("the queue %s", mapping.event_source_arn)
                self.ended.wait(PAUSE_SECONDS)

    def _take_batch(self, backend: Any, mapping: Any) -> None:
        name, qualifier = [*mapping.function_arn.split(":"), None][6:8]
        record = find_version(backend, name, qualifier)
        if record is None:
            self.ended.wait(PAUSE_SECONDS)
            return
        version = read_version(record)
        client = role_session(self.cloud, version.role, SERVICE, version.name).client("sqs")
        url = f"{self.cloud.endpoint_url}/{self.cloud.account}/{mapping.event_source_arn.split(':')[-1]}"
        messages = self._receive(client, url, mapping)
        if not messages:  # another consumer was faster, or a group's messages must wait for those before
            self.ended.wait(LOOK_SECONDS)
            return
        reserved = reserved_concurrency(backend.get_function(name))
        failed = self._invoke(version, reserved, mapping, messages, qualifier)
        done = [message for message in messages if message["MessageId"] not in failed]
        for start in range(0, len(done), MOST_RECEIVED):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(done[start : start + MOST_RECEIVED])
            ]
            client.delete_message_batch(QueueUrl=url, Entries=entries)

    def _receive(self, client: Any, url: str, mapping: Any) -> list[dict[str, Any]]:
        """Return a batch: what is there, and what comes within the mapping's window."""
        clock = self.cloud.clock
        batch: list[dict[str, Any]] = []
        until = clock.monotonic() + (mapping.max_batch_window or 0)
        while len(batch) < mapping.batch_size and sum(len(each["Body"]) for each in batch) < LARGEST_BATCH:
            received = client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(MOST_RECEIVED, mapping.batch_size - len(batch)),
                MessageAttributeNames=["All"],
                AttributeNames=["All"],
            ).get("Messages", [])
            batch += received
            if not received and (clock.monotonic() >= until or clock.wait(LOOK_SECONDS, self.ended)):
                break
        return batch

    def _invoke(
        self,
        version: FunctionVersion,
        reserved: int | None,
        mapping: Any,
        messages: list[dict[str, Any]],
        qualifier: str | None,
    ) -> set[str]:
        """Run the function for a batch, and return the messages that stay in the queue."""
        arn = mapping.event_source_arn
        event = {"Records": [_record(message, arn) for message in messages]}
        every = {message["MessageId"] for message in messages}
        try:
            result = run(self.cloud, version, reserved, json.dumps(event).encode(), qualifier=qualifier)
        except ServiceException as error:  # throttled, say: the messages become visible again
            log.warning("function %s took no messages of %s: %s", version.name, arn, error.message)
            return every
        if result.error:
            return every
        if PARTIAL in (mapping.function_response_types or []):
            return reported_failures(result, every)
        return set()


def _record(message: dict[str, Any], arn: str) -> dict[str, Any]:
    attributes = {
        name: {
            "dataType": value["DataType"],
            "stringListValues": [],
            "binaryListValues": [],
            **({"stringValue": value["StringValue"]} if "StringValue" in value else {}),
        }
        for name, value in message.get("MessageAttributes", {}).items()
    }
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": attributes,
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": arn.split(":")[3],
    }


def reported_failures(result: InvocationResult, every: set[str]) -> set[str]:
    """Return the messages that a function reports as failed; all of them if its report is not valid.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    report = json.loads(result.body or b"null")
    failures = report.get("batchItemFailures") if isinstance(report, dict) else None if report is None else 1
    if not failures:
        return set()
    if not isinstance(failures, list) or not all(isinstance(each, dict) for each in failures):
        return every
    named = {each.get("itemIdentifier") for each in failures}
    return named if named <= every else every
