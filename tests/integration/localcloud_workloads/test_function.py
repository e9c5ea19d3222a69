"""Functions on the local cloud: the deployed zip under AWS's runtime client, answering as Lambda does."""

from __future__ import annotations

import base64
import io
import json
import sys
import time
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from .conftest import Stage, eventually, zipped

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric exists for Linux only")

APP = """
import json, logging, os, sys, time
import boto3
print("initialised")
def handler(event, context):
    print("event", json.dumps(event))
    if "sleep" in event: time.sleep(event["sleep"])
    if "exit" in event: os._exit(event["exit"])
    if "fail" in event: raise ValueError(event["fail"])
    if "large" in event: return "x" * event["large"]
    if "list" in event: return boto3.client("s3").list_objects_v2(Bucket=event["list"])["KeyCount"]
    return {"event": event, "pid": os.getpid(), "env": dict(os.environ), "arn": context.invoked_function_arn,
            "left": context.get_remaining_time_in_millis(), "id": context.aws_request_id}
"""


class Functions:
    """Creates small functions and invokes them."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.client = stage.client("lambda", read_timeout=70)
        self.role = stage.role("lambda.amazonaws.com")

    def create(self, source: str = APP, **more: Any) -> str:
        name = f"f-{uuid.uuid4().hex[:8]}"
        self.client.create_function(
            **{
                "FunctionName": name,
                "Role": self.role,
                "Runtime": "python3.11",
                "Handler": "app.handler",
                "Timeout": 10,
                "Code": {"ZipFile": zipped(app=source)},
                **more,
            }
        )
        return name

    def invoke(self, name: str, event: Any = None, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.invoke(
            FunctionName=name, Payload=json.dumps(event or {}).encode(), **more
        )
        text = answer["Payload"].read()
        answer["Document"] = json.loads(text) if text else None
        return answer

    def metric(self, name: str, metric: str, statistic: str, since: float, **more: Any) -> float:
        """Return a statistic of a metric of a function, of its own by default."""
        periods = self.stage.client("cloudwatch").get_metric_statistics(
            Namespace=more.get("namespace", "AWS/Lambda"),
            MetricName=metric,
            Dimensions=more.get("dimensions", [{"Name": "FunctionName", "Value": name}]),
            StartTime=since - 60,
            EndTime=since + 3600,
            Period=3660,
            Statistics=[statistic],
        )["Datapoints"]
        return float(periods[0][statistic]) if periods else 0.0

    def log(self, name: str) -> list[str]:
        return self.stage.log_lines(f"/aws/lambda/{name}")


@pytest.fixture(scope="module")
def functions(stage: Stage) -> Functions:
    return Functions(stage)


@pytest.fixture(scope="module")
def function_name(functions: Functions) -> str:
    variables = {"COLOUR": "brown", "AWS_REGION": "mars"}
    return functions.create(Environment={"Variables": variables}, MemorySize=256)


def test_it_answers_with_its_event_and_environment(functions: Functions, function_name: str) -> None:
    answer = functions.invoke(function_name, {"a": 1})
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer
    document = answer["Document"]
    assert document["event"] == {"a": 1}
    assert document["arn"] == f"arn:aws:lambda:us-east-1:123456789012:function:{function_name}"
    assert 5000 < document["left"] <= 10_000
    environment = document["env"]
    assert environment["COLOUR"] == "brown"
    assert environment["AWS_REGION"] == "us-east-1"  # reserved: the function cannot override it
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == function_name
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert environment["_HANDLER"] == "app.handler"
    assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert "KENNEL_SECRET" not in environment


def test_a_warm_sandbox_is_reused(functions: Functions, function_name: str) -> None:
    assert len({functions.invoke(function_name)["Document"]["pid"] for _ in range(5)}) == 1


def test_the_log_has_what_lambda_writes(functions: Functions, function_name: str) -> None:
    answer = functions.invoke(function_name, {"mark": "log"}, LogType="Tail")
    tail = base64.b64decode(answer["LogResult"]).decode()
    request = answer["Document"]["id"]
    assert f"START RequestId: {request} Version: $LATEST" in tail
    assert 'event {"mark": "log"}' in tail
    assert f"END RequestId: {request}" in tail
    assert f"REPORT RequestId: {request}\tDuration: " in tail
    assert len(base64.b64decode(answer["LogResult"])) <= 4096
    eventually(
        lambda: any(line.startswith(f"REPORT RequestId: {request}") for line in functions.log(function_name))
    )
    assert "initialised" in functions.log(function_name)
    assert any("Init Duration" in line for line in functions.log(function_name))


def test_an_exception_is_reported_with_its_trace(functions: Functions, function_name: str) -> None:
    answer = functions.invoke(function_name, {"fail": "no dog"})
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert answer["Document"]["errorMessage"] == "no dog"
    assert answer["Document"]["errorType"] == "ValueError"
    assert any("raise ValueError" in line for line in answer["Document"]["stackTrace"])


def test_a_crash_is_an_exit_error_and_the_next_one_works(functions: Functions, function_name: str) -> None:
    answer = functions.invoke(function_name, {"exit": 1}, LogType="Tail")
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Document"]["errorType"] == "Runtime.ExitError"
    assert answer["Document"]["errorMessage"].endswith("Error: Runtime exited with error: exit status 1")
    assert "Runtime.ExitError" in base64.b64decode(answer["LogResult"]).decode()
    assert functions.invoke(function_name)["StatusCode"] == 200


def test_a_timeout_kills_the_sandbox(functions: Functions) -> None:
    name = functions.create(Timeout=1)
    before = functions.invoke(name)["Document"]["pid"]
    began = time.monotonic()
    answer = functions.invoke(name, {"sleep": 30}, LogType="Tail")
    assert time.monotonic() - began < 5
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Document"]["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert "Task timed out after 1.00 seconds" in base64.b64decode(answer["LogResult"]).decode()
    assert functions.invoke(name)["Document"]["pid"] != before


def test_a_module_that_does_not_import_is_reported(functions: Functions) -> None:
    answer = functions.invoke(functions.create("import nonexistent_module"))
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Document"]["errorType"] == "Runtime.ImportModuleError"
    assert "No module named 'nonexistent_module'" in answer["Document"]["errorMessage"]


def test_new_code_and_new_variables_are_used_by_the_next_invocation(functions: Functions) -> None:
    name = functions.create("def handler(e, c): return 'old'", Publish=True)
    assert functions.invoke(name)["Document"] == "old"
    code = zipped(app="import os\ndef handler(e, c): return os.environ.get('X', 'new')")
    functions.client.update_function_code(FunctionName=name, ZipFile=code)
    assert functions.invoke(name)["Document"] == "new"
    functions.client.update_function_configuration(FunctionName=name, Environment={"Variables": {"X": "y"}})
    assert functions.invoke(name)["Document"] == "y"
    assert functions.invoke(name, Qualifier="1")["Document"] == "old"
    version = functions.client.publish_version(FunctionName=name)["Version"]
    functions.client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    assert functions.invoke(name, Qualifier="live")["Document"] == "old"
    functions.client.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}:live"
    answer = functions.invoke(arn)
    assert (answer["Document"], answer["ExecutedVersion"]) == ("y", version)


def test_code_that_is_rewritten_to_fail_fails(functions: Functions) -> None:
    name = functions.create("def handler(e, c): return {'statusCode': 200}")
    assert functions.invoke(name)["Document"] == {"statusCode": 200}
    functions.client.update_function_code(FunctionName=name, ZipFile=zipped(app="def handler(e, c): 1 / 0"))
    answer = functions.invoke(name)
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Document"]["errorType"] == "ZeroDivisionError"


def test_reserved_concurrency_throttles_and_is_counted(functions: Functions) -> None:
    name, began = functions.create(), functions.stage.time()
    functions.client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=3)

    def attempt(_: int) -> int | str:
        try:
            pid: int = functions.invoke(name, {"sleep": 1})["Document"]["pid"]
        except functions.client.exceptions.TooManyRequestsException:
            return "throttled"
        return pid

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(attempt, range(10)))
    assert answers.count("throttled") == 7
    assert len(set(answers)) == 4  # three sandboxes answered, each its own process
    for metric, statistic, expected in (
        ("Throttles", "Sum", 7),
        ("Invocations", "Sum", 3),
        ("Errors", "Sum", 0),
        ("ConcurrentExecutions", "Maximum", 3),
    ):
        assert functions.metric(name, metric, statistic, began) == expected, metric
    assert 1000 <= functions.metric(name, "Duration", "Average", began) < 5000
    functions.client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(functions.client.exceptions.TooManyRequestsException) as caught:
        functions.invoke(name)
    assert caught.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_an_alarm_on_a_function_s_log_lines_invokes_it(functions: Functions) -> None:
    """Its lines become a metric through a filter; an alarm's action needs a permission of the function."""
    name, group = functions.create(), "/aws/lambda/"
    functions.invoke(name)
    eventually(lambda: functions.log(name))
    logs, cloudwatch = functions.stage.client("logs"), functions.stage.client("cloudwatch")
    metric = {"metricNamespace": name, "metricName": "Marks", "metricValue": "1"}
    logs.put_metric_filter(
        logGroupName=group + name, filterName="marks", filterPattern='"mark"', metricTransformations=[metric]
    )
    began = functions.stage.time()
    functions.invoke(name, {"mark": 1})
    eventually(lambda: functions.metric(name, "Marks", "Sum", began, namespace=name, dimensions=[]) == 1)
    arn = functions.client.get_function_configuration(FunctionName=name)["FunctionArn"]
    settings = {"Namespace": name, "MetricName": "Marks", "Statistic": "Sum", "Period": 60, "Threshold": 0}
    cloudwatch.put_metric_alarm(
        **settings,
        AlarmName=name,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[arn],
        OKActions=[arn],
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="not allowed")
    functions.client.add_permission(
        FunctionName=name,
        StatementId="alarm",
        Action="lambda:InvokeFunction",
        Principal="lambda.alarms.cloudwatch.amazonaws.com",
        SourceArn=f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="allowed")
    eventually(lambda: [line for line in functions.log(name) if '"reason": "allowed"' in line])
    assert not [line for line in functions.log(name) if "not allowed" in line]
    history = cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="Action")["AlarmHistoryItems"]
    assert [item["HistorySummary"].split(" action ")[0] for item in history] == [
        "Successfully executed",
        "Failed to execute",
    ]
    cloudwatch.delete_alarms(AlarmNames=[name])


def test_bad_requests_are_refused(functions: Functions, function_name: str) -> None:
    with pytest.raises(functions.client.exceptions.ResourceNotFoundException, match="Function not found"):
        functions.invoke("nope")
    with pytest.raises(functions.client.exceptions.ResourceNotFoundException):
        functions.invoke(function_name, Qualifier="99")
    with pytest.raises(functions.client.exceptions.InvalidRequestContentException):
        functions.client.invoke(FunctionName=function_name, Payload=b"not json")
    with pytest.raises(functions.client.exceptions.RequestTooLargeException):
        functions.client.invoke(FunctionName=function_name, Payload=json.dumps("x" * 6_300_000).encode())
    too_large = functions.invoke(function_name, {"large": 6_300_000})["Document"]
    assert too_large["errorType"] == "Function.ResponseSizeTooLarge"
    assert functions.client.invoke(FunctionName=function_name, InvocationType="DryRun")["StatusCode"] == 204


def test_it_acts_with_its_own_role(functions: Functions) -> None:
    bucket, other = functions.stage.bucket(), functions.stage.bucket()
    allowed = [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"},
        {"Effect": "Allow", "Action": "logs:*", "Resource": "*"},
    ]
    name = functions.create(Role=functions.stage.role("lambda.amazonaws.com", allowed))
    assert functions.invoke(name, {"list": bucket})["Document"] == 0
    denied = functions.invoke(name, {"list": other})["Document"]
    assert denied["errorType"] == "AccessDenied"
    assert (
        f'not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::{other}"'
        in denied["errorMessage"]
    )


def test_a_role_without_logs_still_runs(functions: Functions) -> None:
    name = functions.create(Role=functions.stage.role("lambda.amazonaws.com", []))
    assert functions.invoke(name)["StatusCode"] == 200
    denied = lambda: [  # noqa: E731 - polled
        entry
        for entry in functions.stage.audit_log()
        if entry["action"].startswith("logs:") and entry["principal"].endswith(f"/{name}")
    ]
    assert {entry["decision"] for entry in eventually(denied)} == {"deny"}


def test_a_role_that_lambda_may_not_assume_is_refused(functions: Functions) -> None:
    name = functions.create(Role=functions.stage.role("ec2.amazonaws.com"))
    with pytest.raises(functions.client.exceptions.ClientError, match="cannot be assumed by Lambda"):
        functions.invoke(name)


def test_the_log_group_of_the_configuration_is_used(functions: Functions) -> None:
    group = f"/kennel/{uuid.uuid4().hex[:8]}"
    logging = {"LogGroup": group, "LogFormat": "JSON", "ApplicationLogLevel": "INFO"}
    name = functions.create(LoggingConfig=logging)
    functions.invoke(name, {"mark": 1})
    lines = eventually(lambda: [x for x in functions.stage.log_lines(group) if "platform.report" in x])
    assert json.loads(lines[0])["record"]["metrics"]["memorySizeMB"] == 128
    assert functions.log(name) == []


def test_an_event_is_retried_and_ends_in_the_dead_letter_queue(functions: Functions) -> None:
    sqs = functions.stage.client("sqs")
    queue = f"q-{uuid.uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    target = f"arn:aws:sqs:us-east-1:123456789012:{queue}"
    name = functions.create(DeadLetterConfig={"TargetArn": target})
    functions.client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1)
    assert functions.invoke(name, {"fail": "always"}, InvocationType="Event")["StatusCode"] == 202

    def dead() -> dict[str, Any] | None:
        messages = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages")
        return messages[0] if messages else None

    message = eventually(dead)
    assert json.loads(message["Body"]) == {"fail": "always"}
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "always"
    eventually(lambda: sum(line.startswith("START") for line in functions.log(name)) == 2)


def test_an_event_that_succeeds_runs_once(functions: Functions) -> None:
    name = functions.create()
    functions.invoke(name, {"mark": "event"}, InvocationType="Event")
    eventually(lambda: any(line.startswith("REPORT") for line in functions.log(name)))
    assert [line for line in functions.log(name) if line.startswith("event")] == ['event {"mark": "event"}']


def test_a_queue_triggers_its_function(functions: Functions) -> None:
    sqs = functions.stage.client("sqs")
    queue = f"q-{uuid.uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    name = functions.create()
    functions.client.create_event_source_mapping(
        FunctionName=name, EventSourceArn=f"arn:aws:sqs:us-east-1:123456789012:{queue}"
    )
    sqs.send_message(QueueUrl=url, MessageBody="a dog")
    eventually(lambda: any('"body": "a dog"' in line for line in functions.log(name)))


def test_provisioned_sandboxes_are_initialised_before_the_first_invocation(functions: Functions) -> None:
    name = functions.create(Publish=True)
    functions.client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    functions.client.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=1
    )
    eventually(lambda: "initialised" in functions.log(name))
    answer = functions.invoke(name, Qualifier="live")
    assert answer["Document"]["env"]["AWS_LAMBDA_INITIALIZATION_TYPE"] == "provisioned-concurrency"


LAYERED = """
import ctypes, json, os, subprocess
import in_layer
def handler(event, context):
    if "built" in event:
        return open(os.sep.join(["", event["built"], "data.json"])).read()
    with open("/opt/data.json") as file:
        data = json.load(file)
    tool = subprocess.run(["/opt/bin/tool", "x"], capture_output=True, text=True, check=True).stdout
    try:
        ctypes.CDLL("/opt/lib/nothing.so")
    except OSError as error:
        library = "invalid ELF header" in str(error) or "file too short" in str(error)
    return {"data": data, "tool": tool, "variable": os.environ["TOOL"], "names": sorted(os.listdir("/opt")),
            "library": library, "value": in_layer.VALUE}
"""


def test_a_function_opens_what_is_in_its_layers_by_path(functions: Functions) -> None:
    contents: list[dict[str, str]] = [
        {
            "data.json": '{"from": "first"}',
            "bin/tool": "#!/bin/sh\ncat /opt/data.json\necho $1 $TOOL",
            "python/in_layer.py": "VALUE = open('/opt/data.json').read()",
        },
        {"data.json": '{"from": "second"}', "lib/nothing.so": ""},
    ]
    layers = []
    for number, files in enumerate(contents):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, text in files.items():
                entry = zipfile.ZipInfo(name)
                entry.external_attr = 0o755 << 16
                archive.writestr(entry, text)
        layer = functions.client.publish_layer_version(
            LayerName=f"by-path-{number}", Content={"ZipFile": buffer.getvalue()}
        )
        layers.append(layer["LayerVersionArn"])
    variables = {"Variables": {"TOOL": "/opt/bin/tool"}}
    name = functions.create(LAYERED, Layers=layers, Environment=variables)
    document = functions.invoke(name)["Document"]
    tool = document.pop("variable")
    assert tool.endswith("/bin/tool")
    assert document == {
        "data": {"from": "second"},
        "tool": f'{{"from": "second"}}x {tool}\n',
        "names": ["bin", "data.json", "lib", "python"],
        "library": True,
        "value": '{"from": "second"}',
    }
    refused = functions.invoke(name, {"built": "opt"})["Document"]
    assert "runs no containers: /opt is here" in refused["errorMessage"]
    with pytest.raises(functions.client.exceptions.ClientError, match="no wrapper scripts"):
        functions.create(Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"}})


def test_what_a_function_logs_at_its_end_is_written_when_it_is_deleted(functions: Functions) -> None:
    """The role and the log group go next: later lines would be denied, or make the group again."""
    name = functions.create()
    pid = functions.invoke(name)["Document"]["pid"]
    functions.client.delete_function(FunctionName=name)
    assert functions.log(name)[-1].startswith("REPORT "), "and nothing of a Runtime API that has gone"
    assert not Path(f"/proc/{pid}").exists()
