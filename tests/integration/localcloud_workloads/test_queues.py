"""SQS: messages are hidden and delayed by the cloud's clock, and dead-letter queues choose their sources."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, DrivenClock, Stage

ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{{}}"


def test_messages_are_hidden_delayed_and_kept_by_the_clock(stage: Stage, driven_clock: DrivenClock) -> None:
    sqs = stage.client("sqs")
    attributes = {"VisibilityTimeout": "600", "MessageRetentionPeriod": "7200"}
    queue = {"QueueUrl": sqs.create_queue(QueueName="hidden", Attributes=attributes)["QueueUrl"]}

    def bodies() -> list[str]:
        received = sqs.receive_message(**queue, MaxNumberOfMessages=10).get("Messages", [])
        return [message["Body"] for message in received]

    sqs.send_message(**queue, MessageBody="now")
    sqs.send_message(**queue, MessageBody="later", DelaySeconds=300)
    assert bodies() == ["now"]
    driven_clock.advance(299)
    assert bodies() == []
    driven_clock.advance(1)
    assert bodies() == ["later"]
    driven_clock.advance(300)
    (message,) = sqs.receive_message(**queue)["Messages"]
    assert message["Body"] == "now"
    handle = {**queue, "ReceiptHandle": message["ReceiptHandle"]}
    sqs.change_message_visibility(**handle, VisibilityTimeout=0)
    assert bodies() == ["now"]
    driven_clock.advance(7200)
    sqs.send_message(**queue, MessageBody="fresh")
    assert bodies() == ["fresh"]


def test_a_dead_letter_queue_takes_only_the_sources_that_it_allows(stage: Stage) -> None:
    sqs = stage.client("sqs")
    dead = {"QueueUrl": sqs.create_queue(QueueName="dead-letters")["QueueUrl"]}
    redrive = json.dumps({"deadLetterTargetArn": ARN.format("dead-letters"), "maxReceiveCount": 3})
    source = {"QueueUrl": sqs.create_queue(QueueName="source-a")["QueueUrl"]}

    def allow(**policy: object) -> None:
        sqs.set_queue_attributes(**dead, Attributes={"RedriveAllowPolicy": json.dumps(policy)})

    for policy in ({"redrivePermission": "some"}, {"redrivePermission": "byQueue"}):
        with pytest.raises(ClientError, match="for parameter RedriveAllowPolicy is invalid"):
            allow(**policy)
    allow(redrivePermission="denyAll")
    with pytest.raises(ClientError, match=r"does not allow .*source-a to use it") as refused:
        sqs.set_queue_attributes(**source, Attributes={"RedrivePolicy": redrive})
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"
    attributes = sqs.get_queue_attributes(**source, AttributeNames=["All"])["Attributes"]
    assert "RedrivePolicy" not in attributes
    allow(redrivePermission="byQueue", sourceQueueArns=[ARN.format("source-a")])
    sqs.set_queue_attributes(**source, Attributes={"RedrivePolicy": redrive})
    with pytest.raises(ClientError, match=r"does not allow .*source-b to use it"):
        sqs.create_queue(QueueName="source-b", Attributes={"RedrivePolicy": redrive})
    with pytest.raises(ClientError, match=r"QueueDoesNotExist|NonExistentQueue"):
        sqs.get_queue_url(QueueName="source-b")
    allow(redrivePermission="allowAll")
    sqs.create_queue(QueueName="source-b", Attributes={"RedrivePolicy": redrive})
    sources = sqs.list_dead_letter_source_queues(**dead)["queueUrls"]
    assert sorted(url.split("/")[-1] for url in sources) == ["source-a", "source-b"]
