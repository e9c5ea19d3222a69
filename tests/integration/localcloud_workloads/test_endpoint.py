"""Endpoints on the local cloud: real model servers, AWS's errors, blue/green updates, restarts."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EventStreamError

from kennel.aws import StackError, endpoint_traffic
from kennel.localcloud.connection import time_at

from .conftest import Stage, eventually, tarred
from .small_models import REGISTRY, SAGEMAKER, TOOLKIT_IMAGE, Endpoints


@pytest.fixture(scope="module")
def endpoints(stage: Stage) -> Endpoints:
    return Endpoints(stage)


@pytest.fixture(scope="module")
def endpoint_name(endpoints: Endpoints) -> str:
    environment = {"SAGEMAKER_PROGRAM": "inference.py", "CUSTOM": "/opt/ml/model"}
    return endpoints.serving("first", Image=TOOLKIT_IMAGE, Environment=environment)


def test_bytes_go_both_ways(endpoints: Endpoints, endpoint_name: str) -> None:
    body = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 100
    answer = endpoints.runtime.invoke_endpoint(
        EndpointName=endpoint_name, Body=body, ContentType="image/jpeg", Accept="image/jpeg"
    )
    assert answer["Body"].read() == b"\xff\xd8" + bytes(range(256))
    assert answer["ContentType"] == "image/jpeg"
    assert answer["InvokedProductionVariant"] == "v1"
    document = endpoints.ask(endpoint_name, body)
    assert (document["model"], document["bytes"]) == ("first", len(body))
    assert document["custom"].startswith(str(endpoints.stage.directory))
    assert document["custom"].endswith("/model")


@pytest.mark.parametrize("then", ["go on", "fail", "die"])
def test_parts_of_an_answer_reach_the_client_before_the_model_has_the_next(
    then: str, endpoints: Endpoints, endpoint_name: str, tmp_path: Path
) -> None:
    gate, written = tmp_path / "gate", tmp_path / "written"
    stream = endpoints.runtime.invoke_endpoint_with_response_stream(
        EndpointName=endpoint_name, Body=f"stream {gate}".encode(), ContentType="application/x-image"
    )
    assert stream["InvokedProductionVariant"] == "v1"
    events = iter(stream["Body"])
    assert next(events)["PayloadPart"]["Bytes"] == b"first "
    written.write_text(then)
    written.rename(gate)  # the model waits for it
    if then == "go on":
        rest = b"".join(event["PayloadPart"]["Bytes"] for event in events)
        assert rest.startswith(b"second {")
        assert json.loads(rest[7:])["model"] == "first"
    else:
        with pytest.raises(EventStreamError, match="ModelStreamError"):
            list(events)
        endpoints.answering(endpoint_name)


def test_an_unknown_endpoint_and_variant_are_validation_errors(
    endpoints: Endpoints, endpoint_name: str
) -> None:
    answer = endpoints.error("nope")
    assert answer["Error"]["Code"] == "ValidationError"
    assert answer["Error"]["Message"] == "Endpoint nope of account 123456789012 not found."
    assert endpoints.error(endpoint_name, TargetVariant="v9")["Error"]["Code"] == "ValidationError"


def test_a_models_failure_is_a_model_error(endpoints: Endpoints, endpoint_name: str) -> None:
    answer = endpoints.error(endpoint_name, b"fail")
    assert answer["Error"]["Code"] == "ModelError"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert answer["OriginalStatusCode"] == 500
    assert answer["OriginalMessage"].startswith("what is this?")
    assert "Received server error (500) from primary" in answer["Error"]["Message"]
    refused = endpoints.error(endpoint_name, ContentType="image/gif")
    assert refused["OriginalStatusCode"] == 415
    assert "Received client error (415) from primary" in refused["Error"]["Message"]


def test_a_body_that_is_too_large_is_413(endpoints: Endpoints, endpoint_name: str) -> None:
    assert endpoints.ask(endpoint_name, bytes(6_500_000))["bytes"] == 6_500_000
    assert endpoints.error(endpoint_name, bytes(6_600_000))["OriginalStatusCode"] == 413


def test_invocations_are_counted(endpoints: Endpoints, endpoint_name: str) -> None:
    cloudwatch = endpoints.stage.client("cloudwatch")

    def names() -> set[str]:
        listed = cloudwatch.list_metrics(
            Namespace="AWS/SageMaker", Dimensions=[{"Name": "EndpointName", "Value": endpoint_name}]
        )
        return {metric["MetricName"] for metric in listed["Metrics"]}

    endpoints.ask(endpoint_name)
    expected = {
        "Invocations",
        "ModelLatency",
        "OverheadLatency",
        "Invocation4XXErrors",
        "Invocation5XXErrors",
    }
    eventually(lambda: expected <= names())


def test_the_traffic_of_an_endpoint_is_read_from_its_metrics(
    endpoints: Endpoints, endpoint_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in endpoints.stage.environment.items():
        monkeypatch.setenv(name, value)

    def requests() -> int:
        now = time_at(os.environ["AWS_ENDPOINT_URL"])
        assert now is not None
        return sum(count for _, count in endpoint_traffic.requests_by_minute(endpoint_name, 1.0, now))

    endpoints.ask(endpoint_name)
    eventually(lambda: requests() > 0)
    before = requests()
    for _ in range(3):
        endpoints.ask(endpoint_name)
    eventually(lambda: requests() == before + 3)
    with pytest.raises(StackError, match="no Invocations of an endpoint nowhere"):
        endpoint_traffic.requests_by_minute("nowhere", 1.0, datetime.now(UTC))


def test_a_killed_server_is_logged_and_started_again(endpoints: Endpoints) -> None:
    name = endpoints.serving("killed")
    before = endpoints.ask(name)["pid"]
    os.kill(before, signal.SIGKILL)
    answer = endpoints.error(name)
    assert answer["Error"]["Code"] in ("ServiceUnavailable", "ModelError")
    assert endpoints.answering(name)["pid"] != before
    eventually(lambda: "ended with signal 9; starting it again" in endpoints.log(name))
    endpoints.delete(name)


def test_a_server_killed_under_load_costs_clean_errors_and_no_wrong_answer(endpoints: Endpoints) -> None:
    name = endpoints.serving("loaded")
    pid, stopped = endpoints.ask(name)["pid"], threading.Event()
    answers: list[tuple[int, int, int]] = []  # bytes sent, bytes and process of the answer
    errors: list[dict[str, Any]] = []

    def ask_on(size: int) -> None:
        while not stopped.is_set():
            size += 4  # no two requests of the four clients have the same
            try:
                document = endpoints.ask(name, bytes(size))
            except endpoints.runtime.exceptions.ClientError as error:
                errors.append(error.response)
            else:
                answers.append((size, document["bytes"], document["pid"]))

    with ThreadPoolExecutor() as clients:
        asking = [clients.submit(ask_on, client) for client in range(4)]
        try:
            eventually(lambda: len(answers) > 8)
            os.kill(pid, signal.SIGKILL)
            eventually(lambda: any(answered != pid for _, _, answered in list(answers)))
        finally:
            stopped.set()
    assert not [future.exception() for future in asking if future.exception()]
    assert errors
    assert all(sent == received for sent, received, _ in answers)
    for error in errors:
        if error["Error"]["Code"] == "ModelError":
            assert error["OriginalStatusCode"] == 0
        else:
            assert error["Error"]["Code"] == "ServiceUnavailable"
            assert error["ResponseMetadata"]["HTTPStatusCode"] == 503
    endpoints.delete(name)


def test_a_server_that_dies_in_an_invocation_is_a_model_error(endpoints: Endpoints) -> None:
    name = endpoints.serving("killed", Image=TOOLKIT_IMAGE)
    answer = endpoints.error(name, b"die")
    assert answer["Error"]["Code"] == "ModelError"
    assert answer["OriginalStatusCode"] == 0
    assert "could not get a response" in answer["OriginalMessage"]
    endpoints.delete(name)


@pytest.fixture(scope="module")
def ray_endpoint(endpoints: Endpoints) -> str:
    return endpoints.serving("ray")


def test_an_archive_for_ray_serve_is_served_by_its_own_application(
    endpoints: Endpoints, ray_endpoint: str
) -> None:
    answer = endpoints.runtime.invoke_endpoint(
        EndpointName=ray_endpoint, Body=bytes(7_000_000), ContentType="image/png", CustomAttributes="trace=1"
    )
    document = json.loads(answer["Body"].read())
    assert (document["model"], document["path"], document["bytes"]) == ("ray", "/", 7_000_000)
    assert document["headers"]["content-type"] == "image/png"
    assert document["headers"]["x-amzn-sagemaker-custom-attributes"] == "trace=1"
    assert (answer["ContentType"], answer["CustomAttributes"]) == ("application/json", "release=r")
    full = endpoints.error(ray_endpoint, b"full")
    assert (full["Error"]["Code"], full["OriginalStatusCode"]) == ("ModelError", 503)


def test_a_server_that_stops_answering_is_replaced(endpoints: Endpoints, ray_endpoint: str) -> None:
    stopped = endpoints.ask(ray_endpoint)["pid"]
    os.kill(stopped, signal.SIGSTOP)
    answer = endpoints.error(ray_endpoint)  # it is under way when the server is ended
    assert answer["Error"]["Code"] in ("ServiceUnavailable", "ModelError")
    assert endpoints.answering(ray_endpoint)["pid"] != stopped
    eventually(lambda: "has answered nothing for" in endpoints.log(ray_endpoint))
    assert not Path(f"/proc/{stopped}").exists()


@pytest.mark.parametrize(
    ("leave_out", "reason"),
    [
        ("code/asgi.py", "the local cloud has no Ray Serve to run ray_application:application"),
        ("config.yaml", "No Ray Serve application found"),
    ],
)
def test_an_archive_that_needs_ray_itself_fails_the_endpoint_with_the_remedy(
    endpoints: Endpoints, leave_out: str, reason: str
) -> None:
    endpoint = endpoints.settled(endpoints.create(endpoints.config("x", leave_out=leave_out)))
    assert endpoint["EndpointStatus"] == "Failed"
    assert reason in endpoint["FailureReason"]


def test_an_image_without_a_model_server_is_refused_by_name(endpoints: Endpoints) -> None:
    with pytest.raises(endpoints.sagemaker.exceptions.ClientError, match=r"no model server .*/dogs:1"):
        endpoints.create(endpoints.config("x", Image=f"{REGISTRY}/dogs:1"))


def test_an_update_swaps_the_model_and_a_failed_one_does_not(endpoints: Endpoints) -> None:
    name = endpoints.serving("old", count=2)
    assert len({endpoints.ask(name)["pid"] for _ in range(40)}) == 2  # chosen at random
    first = endpoints.describe(name)["EndpointConfigName"]
    bad = endpoints.config("broken")
    endpoints.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=bad)
    assert endpoints.describe(name)["EndpointStatus"] == "Updating"
    assert endpoints.ask(name)["model"] == "old"  # it serves meanwhile
    failed = endpoints.settled(name)
    assert (failed["EndpointStatus"], failed["EndpointConfigName"]) == ("InService", first)
    assert "did not pass the ping health check" in failed["FailureReason"]
    assert "these weights are for another network" in failed["FailureReason"]
    assert endpoints.ask(name)["model"] == "old"
    old = {endpoints.ask(name)["pid"] for _ in range(40)}
    good = endpoints.config("new")
    endpoints.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=good)
    updated = endpoints.settled(name)
    assert updated["EndpointConfigName"] == good
    assert "FailureReason" not in updated
    assert updated["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert endpoints.ask(name)["model"] == "new"
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in old))
    endpoints.delete(name)


def test_weights_share_the_traffic_and_a_target_names_its_variant(endpoints: Endpoints) -> None:
    name = endpoints.serving("one", "three")
    answered = Counter(endpoints.ask(name)["model"] for _ in range(200))
    assert 20 <= answered["one"] <= 85  # a quarter; ten standard deviations would be 61
    assert endpoints.ask(name, TargetVariant="v1")["model"] == "one"
    assert endpoints.ask(name, TargetVariant="v2")["model"] == "three"
    changes = [{"VariantName": "v2", "DesiredWeight": 0.0}, {"VariantName": "v1", "DesiredInstanceCount": 2}]
    endpoints.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=changes
    )
    counts = {
        v["VariantName"]: v["CurrentInstanceCount"] for v in endpoints.settled(name)["ProductionVariants"]
    }
    assert counts == {"v1": 2, "v2": 1}
    answers = [endpoints.ask(name) for _ in range(40)]
    assert {answer["model"] for answer in answers} == {"one"}
    assert len({answer["pid"] for answer in answers}) == 2
    endpoints.delete(name)


def test_a_model_that_does_not_load_fails_the_endpoint_with_its_reason(endpoints: Endpoints) -> None:
    name = endpoints.create(endpoints.config("broken", Image=TOOLKIT_IMAGE))
    assert endpoints.describe(name)["EndpointStatus"] == "Creating"
    assert endpoints.error(name)["Error"]["Code"] == "ValidationError"
    endpoint = endpoints.settled(name)
    assert endpoint["EndpointStatus"] == "Failed"
    assert "these weights are for another network" in endpoint["FailureReason"]
    assert "these weights are for another network" in endpoints.log(name)
    endpoints.delete(name)


def test_a_role_that_may_not_read_the_model_fails_the_endpoint(endpoints: Endpoints) -> None:
    logs_only = [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]
    name = endpoints.create(endpoints.config("x", role=endpoints.stage.role(SAGEMAKER, logs_only)))
    endpoint = endpoints.settled(name)
    assert endpoint["EndpointStatus"] == "Failed"
    assert "AccessDenied (403)" in endpoint["FailureReason"]
    assert "s3:GetObject" in endpoint["FailureReason"]


def test_an_archive_that_leads_out_of_its_folder_is_refused(endpoints: Endpoints) -> None:
    config = endpoints.config("x")
    model = endpoints.sagemaker.describe_endpoint_config(EndpointConfigName=config)
    key = f"models/{model['ProductionVariants'][0]['ModelName']}.tar.gz"
    endpoints.s3.put_object(Bucket=endpoints.bucket, Key=key, Body=tarred({"../../escaped.txt": "out"}))
    endpoint = endpoints.settled(endpoints.create(config))
    assert endpoint["EndpointStatus"] == "Failed"
    assert "escaped.txt" in endpoint["FailureReason"]
    assert not list(endpoints.stage.directory.rglob("escaped.txt"))


def test_delete_stops_the_server(endpoints: Endpoints) -> None:
    name = endpoints.serving("short-lived")
    pid = endpoints.ask(name)["pid"]
    endpoints.delete(name)
    eventually(lambda: not Path(f"/proc/{pid}").exists())
    assert endpoints.error(name)["Error"]["Code"] == "ValidationError"
    with pytest.raises(endpoints.sagemaker.exceptions.ClientError, match="Could not find endpoint"):
        endpoints.describe(name)


def test_an_endpoint_that_exists_and_a_configuration_that_does_not_are_refused_at_once(
    endpoints: Endpoints, endpoint_name: str
) -> None:
    with pytest.raises(endpoints.sagemaker.exceptions.ClientError, match="Cannot create already existing"):
        endpoints.sagemaker.create_endpoint(
            EndpointName=endpoint_name, EndpointConfigName=endpoints.config("x")
        )
    with pytest.raises(endpoints.sagemaker.exceptions.ClientError, match="Could not find endpoint config"):
        endpoints.sagemaker.update_endpoint(EndpointName=endpoint_name, EndpointConfigName="nope")


def test_what_an_endpoint_logs_at_its_end_is_written_when_it_is_deleted(endpoints: Endpoints) -> None:
    """The role and the log group go next: later lines would be denied, or make the group again."""
    name = endpoints.serving("x")
    group = f"/aws/sagemaker/Endpoints/{name}"
    pid = endpoints.ask(name)["pid"]
    endpoints.sagemaker.delete_endpoint(EndpointName=name)
    lines = endpoints.stage.log_lines(group)
    assert any(f"Finished server process [{pid}]" in line for line in lines), lines
    assert not Path(f"/proc/{pid}").exists()
