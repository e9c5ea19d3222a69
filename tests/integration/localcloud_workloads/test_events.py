"""EventBridge, its Scheduler, topics and buckets: what happens reaches functions and queues."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from typing import Any

import pytest

from .conftest import DrivenClock, Stage, eventually, zipped

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric exists for Linux only")

ACCOUNT, NAME = "arn:aws:{}:us-east-1:123456789012:{}", "of-events"
SOURCE = "import json\ndef handler(event, context): print('event', json.dumps(event))"


class Receivers:
    """A function and a queue, and what reached them."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.events, self.scheduler = stage.client("events"), stage.client("scheduler")
        self.client, self.sqs = stage.client("lambda"), stage.client("sqs")
        self.client.create_function(
            FunctionName=NAME,
            Role=stage.role("lambda.amazonaws.com"),
            Runtime="python3.11",
            Handler="app.handler",
            Code={"ZipFile": zipped(app=SOURCE)},
        )
        self.function = ACCOUNT.format("lambda", f"function:{NAME}")
        self.queue = self.sqs.create_queue(QueueName=NAME)["QueueUrl"]
        self.queue_arn = ACCOUNT.format("sqs", NAME)

    def message(self) -> dict[str, Any] | None:
        """Take a message from the queue."""
        messages: list[dict[str, Any]] = self.sqs.receive_message(
            QueueUrl=self.queue, MessageAttributeNames=["All"]
        ).get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return messages[0] if messages else None

    def received(self) -> str | None:
        message = self.message()
        return str(message["Body"]) if message else None

    def allow(self, *services: str) -> None:
        """Let services send to the queue, and no others."""
        policies = [json.loads(statement_for(each, "sqs:SendMessage", self.queue_arn)) for each in services]
        statements = [statement for policy in policies for statement in policy["Statement"]]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": policy})

    def invocations(self) -> list[Any]:
        lines = self.stage.log_lines(f"/aws/lambda/{NAME}")
        return [json.loads(line.removeprefix("event ")) for line in lines if line.startswith("event ")]


def statement_for(service: str, action: str | list[str], resource: str) -> str:
    """Return a policy that lets a service do something."""
    principal = {"Service": f"{service}.amazonaws.com"}
    allow = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow]})


@pytest.fixture(scope="module")
def receivers(stage: Stage) -> Receivers:
    return Receivers(stage)


def test_an_event_reaches_the_targets_of_the_rules_that_match_it(receivers: Receivers) -> None:
    events = receivers.events
    pattern = {"source": ["shop"], "detail": {"total": [{"numeric": [">", 10]}]}}
    rule = events.put_rule(Name="large-orders", EventPattern=json.dumps(pattern))["RuleArn"]
    transformer = {
        "InputPathsMap": {"total": "$.detail.total", "name": "$.detail.customer.name"},
        "InputTemplate": '{"total": <total>, "who": <name>, "text": "order of <name>"}',
    }
    targets = [
        {"Id": "queue", "Arn": receivers.queue_arn, "InputTransformer": transformer},
        {"Id": "function", "Arn": receivers.function},
    ]
    assert events.put_targets(Rule="large-orders", Targets=targets)["FailedEntryCount"] == 0
    receivers.client.add_permission(
        FunctionName=NAME,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    condition = {"Resource": receivers.queue_arn, "Condition": {"ArnEquals": {"aws:SourceArn": rule}}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**allow, **condition}]})
    order = {"Source": "shop", "DetailType": "order"}
    large = {**order, "Detail": json.dumps({"total": 12, "customer": {"name": "Ann"}})}
    events.put_events(Entries=[large])  # the queue does not let EventBridge send yet
    (event,) = eventually(receivers.invocations)
    assert (event["source"], event["detail-type"], event["region"]) == ("shop", "order", "us-east-1")
    assert event["detail"] == {"total": 12, "customer": {"name": "Ann"}}
    assert receivers.received() is None
    receivers.sqs.set_queue_attributes(QueueUrl=receivers.queue, Attributes={"Policy": policy})
    small = {**order, "Detail": json.dumps({"total": 3})}
    malformed = {**order, "Detail": "no JSON"}
    answer = events.put_events(Entries=[small, malformed, large])
    assert [entry.get("ErrorCode") for entry in answer["Entries"]] == [None, "MalformedDetail", None]
    assert json.loads(eventually(receivers.received)) == {"total": 12, "who": "Ann", "text": "order of Ann"}
    eventually(lambda: len(receivers.invocations()) == 2)
    events.disable_rule(Name="large-orders")


def test_a_rule_with_a_schedule_runs_by_the_clock(receivers: Receivers, driven_clock: DrivenClock) -> None:
    rule = receivers.events.put_rule(Name="regularly", ScheduleExpression="rate(5 minutes)")["RuleArn"]
    receivers.events.put_targets(
        Rule="regularly", Targets=[{"Id": "f", "Arn": receivers.function, "Input": '{"mark": "regular"}'}]
    )
    receivers.client.add_permission(
        FunctionName=NAME,
        StatementId="schedule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    for minutes, expected in ((4, 0), (2, 1), (5, 2)):
        driven_clock.advance(60 * minutes)
        eventually(lambda expected=expected: receivers.invocations().count({"mark": "regular"}) == expected)
    receivers.events.disable_rule(Name="regularly")
    driven_clock.advance(600)
    assert receivers.invocations().count({"mark": "regular"}) == 2


def test_a_schedule_acts_with_its_role(receivers: Receivers, driven_clock: DrivenClock) -> None:
    send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": receivers.queue_arn}
    role = receivers.stage.role("scheduler.amazonaws.com", [send])
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(driven_clock.advance(0) + 90))
    common = {"FlexibleTimeWindow": {"Mode": "OFF"}, "ScheduleExpression": f"at({at})"}
    scheduler = receivers.scheduler
    scheduler.create_schedule(
        **common,
        Name="once",
        ActionAfterCompletion="DELETE",
        Target={"Arn": receivers.queue_arn, "RoleArn": role, "Input": "at <aws.scheduler.scheduled-time>"},
    )
    scheduler.create_schedule(
        **common,
        Name="unable",
        Target={
            "Arn": receivers.function,
            "RoleArn": role,
            "Input": '"not allowed"',
            "DeadLetterConfig": {"Arn": receivers.queue_arn},
        },
    )
    message = {"QueueUrl": receivers.queue, "MessageBody": "by the SDK"}
    scheduler.create_schedule(
        **common,
        Name="universal",
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
            "RoleArn": role,
            "Input": json.dumps(message),
        },
    )
    driven_clock.advance(60)
    assert receivers.received() is None
    driven_clock.advance(90)  # schedules are looked at on whole minutes
    bodies = {eventually(receivers.received) for _ in range(3)}
    assert bodies == {f"at {at}Z", '"not allowed"', "by the SDK"}
    assert "not allowed" not in receivers.invocations()
    names = {schedule["Name"] for schedule in scheduler.list_schedules()["Schedules"]}
    assert names & {"once", "unable"} == {"unable"}


def test_targets_that_would_get_nothing_are_refused(receivers: Receivers) -> None:
    machine = ACCOUNT.format("states", "stateMachine:m")
    receivers.events.put_rule(Name="refused", ScheduleExpression="cron(0 12 * * ? *)")
    errors = receivers.events.exceptions.ClientError
    with pytest.raises(errors, match=f"no delivery to {machine}.*let a function be the target"):
        receivers.events.put_targets(Rule="refused", Targets=[{"Id": "m", "Arn": machine}])
    assert receivers.events.list_targets_by_rule(Rule="refused")["Targets"] == []
    with pytest.raises(errors, match="ScheduleExpression is not valid"):
        receivers.events.put_rule(Name="refused", ScheduleExpression="cron(0 12 * * * *)")
    with pytest.raises(errors, match=f"no delivery to {machine}"):
        receivers.scheduler.create_schedule(
            Name="refused",
            FlexibleTimeWindow={"Mode": "OFF"},
            ScheduleExpression="rate(1 hour)",
            Target={"Arn": machine, "RoleArn": "arn:aws:iam::123456789012:role/r"},
        )
    with pytest.raises(errors, match="no events:CreateArchive"):
        receivers.events.create_archive(
            ArchiveName="a", EventSourceArn=ACCOUNT.format("events", "event-bus/default")
        )


def test_topics_and_buckets_notify_a_function_that_its_policy_lets_them(receivers: Receivers) -> None:
    stage, sns, s3 = receivers.stage, receivers.stage.client("sns"), receivers.stage.client("s3")
    topic, bucket = sns.create_topic(Name=NAME)["TopicArn"], stage.bucket()
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    subscription = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=receivers.function)
    events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
    configuration = {"Id": "all", "LambdaFunctionArn": receivers.function, "Events": events}
    notifications = {"LambdaFunctionConfigurations": [configuration]}
    with pytest.raises(s3.exceptions.ClientError, match="Unable to validate the following destination"):
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=notifications)
    sns.publish(TopicArn=topic, Message="not allowed yet")
    for service, source in (("sns", topic), ("s3", f"arn:aws:s3:::{bucket}")):
        receivers.client.add_permission(
            FunctionName=NAME,
            StatementId=service,
            Action="lambda:InvokeFunction",
            Principal=f"{service}.amazonaws.com",
            SourceArn=source,
        )
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=notifications)

    def records(source: str) -> list[dict[str, Any]]:
        notified = [record for event in receivers.invocations() for record in event.get("Records", [])]
        return [each for each in notified if source in (each.get("EventSource"), each.get("eventSource"))]

    attributes = {"kind": {"DataType": "String", "StringValue": "sale"}}
    sent = sns.publish(TopicArn=topic, Message="hello", Subject="s", MessageAttributes=attributes)
    (record,) = eventually(lambda: records("aws:sns"))
    message = record.pop("Sns")
    assert record == {
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription["SubscriptionArn"],
        "EventSource": "aws:sns",
    }
    assert abs(datetime.fromisoformat(message.pop("Timestamp")).timestamp() - time.time()) < 60
    assert message.pop("Signature")
    assert message.pop("SigningCertUrl").startswith("https://sns.us-east-1.amazonaws.com/")
    assert message.pop("UnsubscribeUrl").endswith(f"SubscriptionArn={subscription['SubscriptionArn']}")
    assert message == {
        "Type": "Notification",
        "MessageId": sent["MessageId"],
        "TopicArn": topic,
        "Subject": "s",
        "Message": "hello",
        "SignatureVersion": "2",
        "MessageAttributes": {"kind": {"Type": "String", "Value": "sale"}},
    }
    put = s3.put_object(Bucket=bucket, Key="a photo", Body=b"x")
    marker = s3.delete_object(Bucket=bucket, Key="a photo")
    s3.delete_object(Bucket=bucket, Key="a photo", VersionId=put["VersionId"])
    notified = eventually(lambda: len(records("aws:s3")) == 3 and records("aws:s3"))
    notified.sort(key=lambda record: str(record["s3"]["object"]["sequencer"]))
    assert [(each["eventName"], each["s3"]["object"]["versionId"]) for each in notified] == [
        ("ObjectCreated:Put", put["VersionId"]),
        ("ObjectRemoved:DeleteMarkerCreated", marker["VersionId"]),
        ("ObjectRemoved:Delete", put["VersionId"]),
    ]
    record = notified[0]
    created = record["s3"]["object"]
    assert (created["key"], created["size"], f'"{created["eTag"]}"') == ("a+photo", 1, put["ETag"])
    owner = s3.get_bucket_acl(Bucket=bucket)["Owner"]["ID"]
    about = {"name": bucket, "ownerIdentity": {"principalId": owner}, "arn": f"arn:aws:s3:::{bucket}"}
    expected = {"s3SchemaVersion": "1.0", "configurationId": "all", "bucket": about, "object": created}
    assert (record["eventVersion"], record["awsRegion"], record["s3"]) == ("2.1", "us-east-1", expected)
    caller = stage.client("sts").get_caller_identity()["UserId"]
    assert record["userIdentity"] == {"principalId": f"AWS:{caller}"}
    assert record["requestParameters"] == {"sourceIPAddress": "127.0.0.1"}
    ids = put["ResponseMetadata"]
    assert record["responseElements"] == {
        "x-amz-request-id": ids["RequestId"],
        "x-amz-id-2": ids["HostId"],
    }


def test_a_topic_s_message_that_a_function_cannot_take_goes_to_its_dead_letter_queue(
    receivers: Receivers,
) -> None:
    sns, function = receivers.stage.client("sns"), receivers.client
    topic = sns.create_topic(Name="to-dead-letters")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=receivers.function)
    function.add_permission(
        FunctionName=NAME,
        StatementId="dead",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic,
    )
    function.update_function_configuration(
        FunctionName=NAME, DeadLetterConfig={"TargetArn": receivers.queue_arn}
    )
    function.put_function_concurrency(FunctionName=NAME, ReservedConcurrentExecutions=0)
    sns.publish(TopicArn=topic, Message="too late")
    (record,) = json.loads(eventually(receivers.received))["Records"]
    assert record["Sns"]["Message"] == "too late"
    function.delete_function_concurrency(FunctionName=NAME)


def test_what_is_given_up_names_its_rule_and_error(receivers: Receivers) -> None:
    topic = receivers.stage.client("sns").create_topic(Name="not-for-events")["TopicArn"]
    receivers.stage.client("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=statement_for("s3", "sns:Publish", topic)
    )
    receivers.allow("events")
    rule = receivers.events.put_rule(Name="given-up", EventPattern='{"source": ["given-up"]}')["RuleArn"]
    dead_letters = {"DeadLetterConfig": {"Arn": receivers.queue_arn}}
    receivers.events.put_targets(Rule="given-up", Targets=[{"Id": "t", "Arn": topic, **dead_letters}])
    receivers.events.put_events(Entries=[{"Source": "given-up", "DetailType": "d", "Detail": "{}"}])
    message = eventually(receivers.message)
    assert json.loads(message["Body"])["source"] == "given-up"
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert "not authorized to perform: sns:Publish" in attributes.pop("ERROR_MESSAGE")
    assert attributes == {
        "RULE_ARN": rule,
        "TARGET_ARN": topic,
        "ERROR_CODE": "NO_PERMISSIONS",
        "RETRY_ATTEMPTS": "0",
    }
    receivers.events.disable_rule(Name="given-up")


def test_a_schedule_tries_again_what_is_throttled(receivers: Receivers, driven_clock: DrivenClock) -> None:
    receivers.client.put_function_concurrency(FunctionName=NAME, ReservedConcurrentExecutions=0)
    now = driven_clock.advance(0)
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now + 30))
    arn = receivers.scheduler.create_schedule(
        Name="throttled",
        FlexibleTimeWindow={"Mode": "OFF"},
        ScheduleExpression=f"at({at})",
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:lambda:invoke",
            "RoleArn": receivers.stage.role("scheduler.amazonaws.com"),
            "Input": json.dumps({"FunctionName": NAME, "Payload": "<aws.scheduler.attempt-number>"}),
            "RetryPolicy": {"MaximumRetryAttempts": 3},
            "DeadLetterConfig": {"Arn": receivers.queue_arn},
        },
    )["ScheduleArn"]
    # Schedules are looked at on whole minutes; the last of them leaves time for the attempts.
    driven_clock.advance(60 - now % 60 + 120)
    message = eventually(receivers.message)
    receivers.client.delete_function_concurrency(FunctionName=NAME)
    assert json.loads(message["Body"])["Payload"] == "4"
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["SCHEDULE_ARN"] == arn
    assert (attributes["ERROR_CODE"], attributes["RETRY_ATTEMPTS"]) == ("TooManyRequestsException", "3")
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"


def test_a_queue_with_a_key_gets_what_the_key_s_policy_lets_services_send(receivers: Receivers) -> None:
    stage, sqs = receivers.stage, receivers.sqs
    kms, sns, s3 = (stage.client(name) for name in ("kms", "sns", "s3"))
    key, topic, bucket = (
        kms.create_key()["KeyMetadata"]["KeyId"],
        sns.create_topic(Name="keyed"),
        stage.bucket(),
    )
    receivers.allow("sns", "s3")
    sns.subscribe(TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=receivers.queue_arn)
    configuration = {
        "QueueConfigurations": [{"QueueArn": receivers.queue_arn, "Events": ["s3:ObjectCreated:*"]}]
    }
    notify = {"Bucket": bucket, "NotificationConfiguration": configuration}
    for key_id in ("alias/aws/sqs", key):
        sqs.set_queue_attributes(QueueUrl=receivers.queue, Attributes={"KmsMasterKeyId": key_id})
        sns.publish(TopicArn=topic["TopicArn"], Message="lost")
        with pytest.raises(s3.exceptions.ClientError, match=r"Unable to validate.*(managed key|kms:)"):
            s3.put_bucket_notification_configuration(**notify)
    assert receivers.received() is None
    owner = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}
    services = json.loads(statement_for("sns", ["kms:Decrypt", "kms:GenerateDataKey"], "*"))["Statement"]
    document = json.dumps({"Version": "2012-10-17", "Statement": [owner, *services]})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document)
    sns.publish(TopicArn=topic["TopicArn"], Message="read it")
    assert json.loads(eventually(receivers.received))["Message"] == "read it"
    sqs.set_queue_attributes(QueueUrl=receivers.queue, Attributes={"KmsMasterKeyId": ""})
