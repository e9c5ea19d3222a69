"""What alarms do: messages to topics, with the policies; metrics of functions and queues."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from kennel.localcloud.moto_adapter.patches import apply_all
from kennel.localcloud.runtime.metrics.store import metric_store
from kennel.localcloud.services.lambda_.configuration import (
    ProvisionedConcurrency,
    ProvisionedConcurrencyConfigs,
)
from kennel.localcloud.services.lambda_.function_metrics import counted, publish, publish_concurrency
from kennel.localcloud.services.sqs import publish_depths

from .driven_cloud import HOUR, MINUTE, Driven, driven

__all__ = ["driven"]  # a fixture
ACCOUNT, REGION = "123456789012", "us-east-1"
LETS_TOPICS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": "*",
            }
        ],
    }
)


class Topic:
    """A topic with a queue that is subscribed to it, in moto."""

    def __init__(self) -> None:
        from moto.sns.models import sns_backends
        from moto.sqs.models import sqs_backends

        name = f"t-{uuid.uuid4().hex[:8]}"
        self.sqs = sqs_backends[ACCOUNT][REGION]
        self.queue = self.sqs.create_queue(name, {"Policy": LETS_TOPICS})
        sns = sns_backends[ACCOUNT][REGION]
        self.topic = sns.create_topic(name)
        sns.subscribe(self.topic.arn, self.queue.queue_arn, "sqs")

    def messages(self) -> list[dict[str, Any]]:
        received = self.sqs.receive_message(self.queue.name, 10, 0, 30, [])
        return [json.loads(message.body) for message in received]

    def allow(self, *statements: dict[str, Any]) -> None:
        self.topic.policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(**condition: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": "*",
        "Condition": {"StringEquals": {key.replace("_", ":"): value for key, value in condition.items()}},
    }


def test_a_change_is_published_to_a_topic(driven: Driven) -> None:
    topic = Topic()
    driven.alarm(AlarmActions=[topic.topic.arn], AlarmDescription="too much", EvaluationPeriods=2)
    driven.minutes(9, 9)
    [envelope] = topic.messages()
    assert envelope["Subject"] == 'ALARM: "a" in US East (N. Virginia)'
    message = json.loads(envelope["Message"])
    assert (message["NewStateValue"], message["OldStateValue"]) == ("ALARM", "INSUFFICIENT_DATA")
    assert (message["AlarmDescription"], message["AWSAccountId"]) == ("too much", ACCOUNT)
    assert message["AlarmArn"] == f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:a"
    trigger = message["Trigger"]
    assert (trigger["MetricName"], trigger["Statistic"], trigger["DatapointsToAlarm"]) == (
        "load",
        "AVERAGE",
        2,
    )
    assert message["NewStateReason"] == driven.described()["StateReason"]


def test_a_topic_s_policy_must_let_cloudwatch_publish(driven: Driven) -> None:
    topic = Topic()
    driven.alarm(AlarmActions=[topic.topic.arn], OKActions=[topic.topic.arn])
    topic.allow(statement(aws_SourceAccount="999999999999"))
    driven.minutes(9)
    assert topic.messages() == []
    [failed] = driven.history(kind="Action")
    assert "cloudwatch.amazonaws.com is not authorized to perform: sns:Publish" in failed
    topic.allow(statement(aws_SourceAccount=ACCOUNT))
    driven.minutes(1)
    assert [json.loads(each["Message"])["NewStateValue"] for each in topic.messages()] == ["OK"]


def test_a_topic_s_key_must_let_cloudwatch_use_it(driven: Driven) -> None:
    from moto.kms.models import kms_backends

    account = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    cloudwatch = {**statement(), "Action": ["kms:Decrypt", "kms:GenerateDataKey*"]}
    del cloudwatch["Condition"]
    key = kms_backends[ACCOUNT][REGION].create_key(json.dumps({"Statement": [account]}), "", "", "", None)
    topic = Topic()
    topic.topic.kms_master_key_id = key.id
    driven.alarm(AlarmActions=[topic.topic.arn], OKActions=[topic.topic.arn])
    driven.minutes(9)
    assert topic.messages() == []
    assert "kms:Decrypt" in driven.history(kind="Action")[0]
    key.policy = json.dumps({"Statement": [account, cloudwatch]})
    driven.minutes(1)
    assert len(topic.messages()) == 1


def test_what_does_not_exist_is_in_the_history(driven: Driven) -> None:
    arns = [f"arn:aws:sns:{REGION}:{ACCOUNT}:none", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:none:live"]
    driven.alarm(AlarmActions=arns)
    driven.minutes(9)
    assert [("does not exist" in text or "not found" in text) for text in driven.history(kind="Action")] == [
        True
    ] * 2


def test_the_alarms_of_the_stack(driven: Driven) -> None:
    """As terraform/modules/observability/alarms.tf has them: latency, depth of a queue, error lines."""
    endpoint = {"EndpointName": "e", "VariantName": "v"}
    common = {"Threshold": 0.0, "TreatMissingData": "notBreaching", "Statistic": "Sum"}
    dimensions = [{"Name": name, "Value": value} for name, value in endpoint.items()]
    latency = {"Namespace": "AWS/SageMaker", "MetricName": "ModelLatency", "Dimensions": dimensions}
    latency |= {"Statistic": None, "ExtendedStatistic": "p99", "Threshold": 500_000.0, "EvaluationPeriods": 3}
    driven.alarm("latency", **{**common, **latency})
    queue = Topic().queue
    depth = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Statistic": "Maximum",
    }
    driven.alarm("depth", **{**common, **depth}, Dimensions=[{"Name": "QueueName", "Value": queue.name}])
    publish_depths(driven.cloud)
    from kennel.localcloud.runtime.cloudwatch_metrics import publish as publish_of_service

    for minute in range(4):
        for slow in range(100):
            latency_of = 600_000.0 if slow < 2 else 90_000.0
            publish_of_service(driven.cloud, "AWS/SageMaker", endpoint, ModelLatency=latency_of)
        driven.clock.advance(MINUTE)
        assert driven.state("latency") == ("ALARM" if minute >= 2 else "OK"), minute
    assert driven.state("depth") == "OK"
    from moto.sqs.models import sqs_backends

    sqs_backends[ACCOUNT][REGION].send_message(queue.name, "dead")
    driven.clock.advance(MINUTE)  # the depth is published at its end
    assert driven.state("depth") == "OK"
    driven.clock.advance(MINUTE)
    assert driven.state("depth") == "ALARM"


def of_function(driven: Driven, name: str, statistic: str, **dimensions: str) -> list[float]:
    begin = driven.begin
    values = metric_store(driven.cloud).statistics(
        "AWS/Lambda", name, dimensions, statistic, MINUTE, begin, begin + HOUR
    )
    return [value for _, value in values]


def test_provisioned_concurrency_in_use_and_beyond(driven: Driven) -> None:
    driven.cloud.store(ProvisionedConcurrencyConfigs).by_key["f", "live"] = ProvisionedConcurrency(2, "")
    publish_concurrency(driven.cloud)
    with counted(driven.cloud, "f", "live"):
        driven.clock.advance(MINUTE)
        with counted(driven.cloud, "f", "live"), counted(driven.cloud, "f", "live"):
            pass
        with counted(driven.cloud, "f", None):  # it does not use the alias's
            pass
    driven.clock.advance(2 * MINUTE)
    alias = {"FunctionName": "f", "Resource": "f:live"}
    assert of_function(driven, "ProvisionedConcurrencyUtilization", "Maximum", **alias) == [0.5, 1.0]
    assert of_function(driven, "ProvisionedConcurrentExecutions", "Maximum", **alias) == [1, 2]
    assert of_function(driven, "ProvisionedConcurrencyInvocations", "Sum", **alias) == [1, 1]
    assert of_function(driven, "ProvisionedConcurrencySpilloverInvocations", "Sum", **alias) == [0, 1]
    assert of_function(driven, "ConcurrentExecutions", "Maximum", FunctionName="f") == [1]  # sampled at 60 s


def test_metrics_of_a_function_are_of_all_functions_too(driven: Driven) -> None:
    publish(driven.cloud, "f", "live", Throttles=1)
    publish(driven.cloud, "g", None, Throttles=1)
    assert of_function(driven, "Throttles", "Sum", FunctionName="f") == [1]
    assert of_function(driven, "Throttles", "Sum", FunctionName="f", Resource="f:live") == [1]
    assert of_function(driven, "Throttles", "Sum") == [2]


def test_a_topic_s_messages_are_signed_with_their_subject() -> None:
    apply_all()
    topic = Topic()
    topic.topic.publish("text", subject="a subject")
    [subscription] = topic.topic.sns_backend.list_subscriptions_by_topic(topic.topic.arn)[0]
    [message] = topic.messages()
    names = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
    text = "".join(f"{name}\n{message[name]}\n" for name in names)
    key, signature = subscription.private_key().public_key(), base64.b64decode(message["Signature"])
    key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
    assert message["UnsubscribeURL"].endswith(f"SubscriptionArn={subscription.arn}")
