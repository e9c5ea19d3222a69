"""Every region has resources of its own: functions, queues, logs, metrics, alarms and endpoints."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from typing import Any

import pytest

from .conftest import Stage, eventually, zipped
from .small_models import Endpoints

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric exists for Linux only")

ACCOUNT, NAME = "123456789012", "same-name"
EAST, CENTRAL, WEST = "us-east-1", "eu-central-1", "us-west-2"
SOURCE = """
import json, os
import boto3, in_layer
def handler(event, context):
    print("event", json.dumps(event))
    for record in event.get("Records", []):
        if record["body"] == "poison": raise ValueError("the whole batch")
    bad = [record["messageId"] for record in event.get("Records", []) if record["body"] == "bad"]
    if "Records" in event: return {"batchItemFailures": [{"itemIdentifier": each} for each in bad]}
    return {"region": os.environ["AWS_REGION"], "sdk": boto3.client("sqs").meta.region_name,
            "layer": in_layer.VALUE, "arn": context.invoked_function_arn}
"""


def layer_zip(value: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("python/in_layer.py", f"VALUE = {value!r}")
    return buffer.getvalue()


class Region:
    """A function, the same name in each region, with a layer, a queue and a destination."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage, self.name = stage, name
        self.client, self.sqs = self.of("lambda"), self.of("sqs")
        role = stage.role("lambda.amazonaws.com")
        layer = self.client.publish_layer_version(LayerName="shared", Content={"ZipFile": layer_zip(name)})
        self.arn = self.client.create_function(
            FunctionName=NAME,
            Role=role,
            Runtime="python3.12",
            Handler="app.handler",
            Layers=[layer["LayerVersionArn"]],
            Code={"ZipFile": zipped(app=SOURCE)},
            Publish=True,
        )["FunctionArn"].removesuffix(":1")
        self.queue, self.done = (self.sqs.create_queue(QueueName=q)["QueueUrl"] for q in ("work", "done"))

    def of(self, service: str) -> Any:
        return self.stage.client(service, region=self.name)

    def queue_arn(self, queue: str) -> str:
        return f"arn:aws:sqs:{self.name}:{ACCOUNT}:{queue}"

    def depths(self) -> tuple[int, int]:
        """Return how many messages can be received, and how many are being worked on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return int(attributes[names[0]]), int(attributes[names[1]])

    def received(self, url: str) -> Any:
        messages = self.sqs.receive_message(QueueUrl=url).get("Messages")
        return json.loads(messages[0]["Body"]) if messages else None

    def log(self) -> list[str]:
        logs = self.of("logs")
        groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{NAME}")["logGroups"]
        return [
            event["message"]
            for group in groups
            for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        ]


@pytest.fixture(scope="module")
def central(stage: Stage) -> Region:
    return Region(stage, CENTRAL)


@pytest.fixture(scope="module")
def west(stage: Stage) -> Region:
    return Region(stage, WEST)


def test_functions_of_one_name_in_two_regions_are_two(central: Region, west: Region) -> None:
    for region in (central, west):
        answer = json.load(region.client.invoke(FunctionName=NAME)["Payload"])
        arn = f"arn:aws:lambda:{region.name}:{ACCOUNT}:function:{NAME}"
        assert answer == {"region": region.name, "sdk": region.name, "layer": region.name, "arn": arn}
        eventually(lambda region=region: any("REPORT" in line for line in region.log()))
        began = region.stage.time()
        counted = region.of("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="Invocations",
            Dimensions=[{"Name": "FunctionName", "Value": NAME}],
            StartTime=began - 3600,
            EndTime=began + 3600,
            Period=7200,
            Statistics=["Sum"],
        )["Datapoints"]
        assert [point["Sum"] for point in counted] == [1]
    published = json.load(west.client.invoke(FunctionName=NAME, Qualifier="1")["Payload"])
    assert (published["layer"], published["arn"]) == (WEST, f"{west.arn}:1")
    assert Region.log(central) != Region.log(west)
    groups = central.stage.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{NAME}")
    assert groups["logGroups"] == []


def test_a_queue_s_batch_fails_in_part_or_as_a_whole(central: Region) -> None:
    mapping = central.client.create_event_source_mapping(
        FunctionName=NAME,
        EventSourceArn=central.queue_arn("work"),
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    assert mapping["FunctionArn"] == central.arn
    central.sqs.send_message_batch(
        QueueUrl=central.queue,
        Entries=[
            {"Id": str(number), "MessageBody": text} for number, text in enumerate(("good", "bad", "ok"))
        ],
    )
    (line,) = eventually(lambda: [line for line in central.log() if '"body": "good"' in line])
    eventually(lambda: central.depths() == (0, 1))  # the one that was reported becomes visible later
    record = json.loads(line.removeprefix("event "))["Records"][0]
    assert (record["awsRegion"], record["attributes"]["ApproximateReceiveCount"]) == (CENTRAL, "1")
    assert record["md5OfBody"] == "755f85c2723bb39381c7379a604160d8"
    central.sqs.send_message(QueueUrl=central.queue, MessageBody="poison")
    eventually(lambda: central.depths() == (0, 2))
    central.client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    assert central.client.get_event_source_mapping(UUID=mapping["UUID"])["State"] == "Disabled"
    central.client.delete_event_source_mapping(UUID=mapping["UUID"])


def test_a_role_that_may_not_receive_gets_no_mapping(central: Region) -> None:
    allowed = [{"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"}]
    role = central.stage.role("lambda.amazonaws.com", allowed)
    code = {"ZipFile": zipped(app=SOURCE)}
    common = {"Runtime": "python3.12", "Handler": "app.handler", "Code": code}
    central.client.create_function(FunctionName="unable", Role=role, **common)
    errors = central.client.exceptions
    with pytest.raises(
        errors.InvalidParameterValueException, match="permissions to call DeleteMessage on SQS"
    ):
        central.client.create_event_source_mapping(
            FunctionName="unable", EventSourceArn=central.queue_arn("work")
        )
    stream = f"arn:aws:kinesis:{CENTRAL}:{ACCOUNT}:stream/s"
    with pytest.raises(errors.InvalidParameterValueException, match=f"no event source {stream}.*to a queue"):
        central.client.create_event_source_mapping(
            FunctionName=NAME, EventSourceArn=stream, StartingPosition="LATEST"
        )
    for settings, named in (
        ({"Runtime": "nodejs22.x"}, "runtime nodejs22.x"),
        ({"PackageType": "Image", "Code": {"ImageUri": "x"}}, "functions from container images"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "SnapStart"),
    ):
        with pytest.raises(errors.InvalidParameterValueException, match=f"The local cloud has no {named}"):
            central.client.create_function(FunctionName="other", Role=role, **{**common, **settings})


def allow_topics(region: Region) -> None:
    """Let topics send to the queue of records."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": region.queue_arn("done"),
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    region.of("sqs").set_queue_attributes(QueueUrl=region.done, Attributes={"Policy": policy})


def test_records_and_alarms_stay_in_their_region(west: Region) -> None:
    west.client.put_function_event_invoke_config(
        FunctionName=NAME,
        DestinationConfig={"OnSuccess": {"Destination": west.queue_arn("done")}},
    )
    west.client.invoke(FunctionName=NAME, InvocationType="Event", Payload=b'{"a": 1}')
    record = eventually(lambda: west.received(west.done))
    assert (record["requestPayload"], record["responsePayload"]["region"]) == ({"a": 1}, WEST)
    topic = west.of("sns").create_topic(Name="alarms")["TopicArn"]
    allow_topics(west)
    west.of("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=west.queue_arn("done"))
    cloudwatch = west.of("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=NAME,
        Namespace="Test",
        MetricName="load",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
    )
    cloudwatch.set_alarm_state(AlarmName=NAME, StateValue="ALARM", StateReason="try")
    message = json.loads(eventually(lambda: west.received(west.done))["Message"])
    assert message["AlarmArn"] == f"arn:aws:cloudwatch:{WEST}:{ACCOUNT}:alarm:{NAME}"
    assert west.stage.client("cloudwatch").describe_alarms(AlarmNames=[NAME])["MetricAlarms"] == []


def test_endpoints_of_one_name_in_two_regions_are_two(stage: Stage) -> None:
    regions = {name: Endpoints(stage, name) for name in (CENTRAL, WEST)}
    for name, endpoints in regions.items():
        endpoints.create(endpoints.config(f"from {name}"), NAME)
    for name, endpoints in regions.items():
        described = endpoints.settled(NAME)
        assert described["EndpointStatus"] == "InService", described.get("FailureReason")
        assert described["EndpointArn"] == f"arn:aws:sagemaker:{name}:{ACCOUNT}:endpoint/{NAME}"
        assert endpoints.ask(NAME)["model"] == f"from {name}"
    regions[CENTRAL].delete(NAME)
    assert regions[WEST].ask(NAME)["model"] == f"from {WEST}"
    regions[WEST].delete(NAME)
