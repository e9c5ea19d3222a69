"""Batch transform runs: as boto3's documentation of CreateTransformJob has it."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import Stage, eventually, tarred
from .small_models import RAY_IMAGE, Endpoints, small_archive

HOUR = timedelta(hours=1)
FINAL = ("Completed", "Failed", "Stopped")


@pytest.fixture(scope="module")
def endpoints(stage: Stage) -> Endpoints:
    return Endpoints(stage)


@pytest.fixture(scope="module")
def model(endpoints: Endpoints) -> str:
    key, name = "models/transform.tar.gz", f"m-{uuid.uuid4().hex[:8]}"
    endpoints.s3.put_object(Bucket=endpoints.bucket, Key=key, Body=tarred(small_archive("t")))
    container = {"Image": RAY_IMAGE, "ModelDataUrl": f"s3://{endpoints.bucket}/{key}"}
    endpoints.sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=endpoints.role, PrimaryContainer=container
    )
    return name


def create(endpoints: Endpoints, model: str, folder: str, **changes: Any) -> str:
    job = f"t-{uuid.uuid4().hex[:8]}"
    uri = f"s3://{endpoints.bucket}/{folder}"
    source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}
    endpoints.sagemaker.create_transform_job(
        **{
            "TransformJobName": job,
            "ModelName": model,
            "TransformInput": {**source, "ContentType": "text/csv", "SplitType": "Line"},
            "TransformOutput": {
                "S3OutputPath": f"s3://{endpoints.bucket}/transformed/{job}",
                "AssembleWith": "Line",
            },
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            "BatchStrategy": "SingleRecord",
            **changes,
        }
    )
    return job


def end(endpoints: Endpoints, job: str) -> dict[str, Any]:
    def ended() -> Any:
        described = endpoints.sagemaker.describe_transform_job(TransformJobName=job)
        return described if described["TransformJobStatus"] in FINAL else None

    described: dict[str, Any] = eventually(ended, 60)
    return described


def test_every_record_of_every_file_is_answered(endpoints: Endpoints, model: str) -> None:
    s3, bucket = endpoints.s3, endpoints.bucket
    s3.put_object(Bucket=bucket, Key="csv/a.csv", Body=b"1\n22\n333\n")
    s3.put_object(Bucket=bucket, Key="csv/more/b.csv", Body=b"4444")
    job = create(endpoints, model, "csv")
    described = end(endpoints, job)
    assert described["TransformJobStatus"] == "Completed", described.get("FailureReason")
    assert described["TransformStartTime"] <= described["TransformEndTime"]
    for name, lengths in (("a.csv", [2, 3, 4]), ("more/b.csv", [4])):
        body = s3.get_object(Bucket=bucket, Key=f"transformed/{job}/{name}.out")["Body"].read()
        answers = [json.loads(line) for line in body.splitlines()]
        assert [answer["bytes"] for answer in answers] == lengths
        assert {answer["headers"]["content-type"] for answer in answers} == {"text/csv"}
    for begin, names in ((described["CreationTime"] - HOUR, [job]), (described["CreationTime"] + HOUR, [])):
        for asked in ("CreationTimeAfter", "LastModifiedTimeAfter"):
            listed = endpoints.sagemaker.list_transform_jobs(**{"NameContains": job, asked: begin})
            assert [each["TransformJobName"] for each in listed["TransformJobSummaries"]] == names


def test_a_record_that_the_model_refuses_fails_the_job(endpoints: Endpoints, model: str) -> None:
    endpoints.s3.put_object(Bucket=endpoints.bucket, Key="bad/x", Body=b"full")
    described = end(endpoints, create(endpoints, model, "bad"))
    assert described["TransformJobStatus"] == "Failed"
    assert "the model answered with status 503" in described["FailureReason"]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"DataProcessing": {"JoinSource": "Input"}}, "leave JoinSource out"),
        ({"DataProcessing": {"InputFilter": "$[1:]"}}, "no InputFilter"),
        ({"ModelName": "none"}, 'Could not find model "none"'),
    ],
)
def test_what_a_job_would_not_do_is_refused(
    endpoints: Endpoints, model: str, changes: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(ClientError, match=f"ValidationException.*{refusal}"):
        create(endpoints, model, "csv", **changes)


# A model that says what it has of the network: the address is one of those for documentation.
LOOKS_OUT = """
import json, os, socket
def reached(*address):
    try: return socket.create_connection(address, timeout=5) and "reached"
    except OSError as error: return str(error)
async def application(scope, receive, send):
    await receive()
    secret = [name for name in os.environ if "KEY" in name or "TOKEN" in name or name == "AWS_ENDPOINT_URL"]
    cloud = reached("127.0.0.1", int(os.environ["PORT"]))
    body = json.dumps({"secret": secret, "out": reached("192.0.2.1", 80), "cloud": cloud}).encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"""


def test_the_servers_of_an_isolated_model_have_no_credentials_and_no_network(endpoints: Endpoints) -> None:
    key, name = "models/isolated.tar.gz", f"m-{uuid.uuid4().hex[:8]}"
    archive = tarred(small_archive("t") | {"code/asgi.py": LOOKS_OUT})
    endpoints.s3.put_object(Bucket=endpoints.bucket, Key=key, Body=archive)
    endpoints.s3.put_object(Bucket=endpoints.bucket, Key="isolated/one.csv", Body=b"1")
    port = endpoints.stage.environment["AWS_ENDPOINT_URL"].rpartition(":")[2]
    endpoints.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=endpoints.role,
        PrimaryContainer={
            "Image": RAY_IMAGE,
            "ModelDataUrl": f"s3://{endpoints.bucket}/{key}",
            "Environment": {"PORT": port},
        },
        EnableNetworkIsolation=True,
    )
    job = create(endpoints, name, "isolated")
    described = end(endpoints, job)
    assert described["TransformJobStatus"] == "Completed", described.get("FailureReason")
    answer = endpoints.s3.get_object(Bucket=endpoints.bucket, Key=f"transformed/{job}/one.csv.out")
    report = json.loads(answer["Body"].read())
    assert report["secret"] == []
    for place in ("out", "cloud"):
        assert "Network is unreachable: network isolation is enabled" in report[place], report
