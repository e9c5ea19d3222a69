"""The proof before traffic: what is created and asked, and that nothing is left of it however it ends."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.aws import StackError, endpoint_lifecycle, session, silent
from kennel.aws.deployment import proof_endpoint
from kennel.aws.deployment.deployment_record import Deployment
from kennel.aws.infrastructure import stack as stack_module
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import golden
from kennel.aws.release.golden import GoldenPhoto
from kennel.aws.session import Workspace

NAME = "kennel-dev-proof"
STACK = Stack(
    {
        "endpoint": {
            "image": "the next image",
            "inference_amis": {"image": "a newer driver"},
            "instance_type": "ml.c5.large",
            "name": "kennel-dev-classifier",
            "startup_timeout_seconds": 300,
            "variant": "AllTraffic",
        },
        "kms_key_arn": "key",
        "local_disk_families": ["m5d"],
        "proof_endpoint": {"log_group": f"/aws/sagemaker/Endpoints/{NAME}", "name": NAME},
        "roles": {"endpoint": "role"},
        "tags": {"Stack": "kennel-dev"},
    }
)
NEW = Deployment(
    "r-000000000002", "d", "s3://artifacts/releases/r-2/model.tar.gz", "image", 2, 3, "ml.m5.xlarge"
)
PHOTOS = [GoldenPhoto("0.webp", b"first", [1.0, -2.0]), GoldenPhoto("1.jpg", b"second", [0.5, 0.25])]


def refused(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class SageMaker:
    """Keeps what is created; an endpoint is Creating once, then what it is to become."""

    def __init__(self, becomes: str = "InService", answers: Callable[[bytes], Any] | None = None) -> None:
        self.created: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []
        self.becomes, self.statuses = becomes, list[str]()
        self.answers = answers or (lambda body: next(p.logits for p in PHOTOS if p.content == body))

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        verb, _, kind = operation.partition("_")

        def call(**parameters: Any) -> None:
            if verb == "create":
                self.created[kind] = parameters
                self.statuses = ["Creating"] if kind == "endpoint" else self.statuses
            elif self.created.pop(kind, None) is None:
                raise refused("ValidationException", "Could not find it", operation)

        return call

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803 - boto3's own names
        if "endpoint" not in self.created:
            raise refused("ValidationException", "Could not find it", "DescribeEndpoint")
        status = self.statuses.pop() if self.statuses else self.becomes
        return {"EndpointStatus": status, "FailureReason": "no health\n in its check"}

    def invoke_endpoint(self, **parameters: Any) -> dict[str, Any]:
        self.asked.append(parameters)
        answer = json.dumps([self.answers(parameters["Body"])]).encode()
        return {"ContentType": "application/json", "Body": io.BytesIO(answer)}


@pytest.fixture
def sagemaker(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SageMaker]:
    def of(*arguments: Any, **named: Any) -> SageMaker:
        service = SageMaker(*arguments, **named)
        monkeypatch.setattr(session, "client", lambda name: service)
        return service

    monkeypatch.setattr(golden, "read", lambda url: PHOTOS)
    monkeypatch.setattr(endpoint_lifecycle, "FIRST_WAIT_SECONDS", 0.0)
    return of


def test_one_instance_with_the_settings_of_the_stack_answers_and_is_deleted(sagemaker: Any) -> None:
    service = sagemaker()
    created: dict[str, Any] = {}
    service.answers = lambda body: (
        created.update(service.created) or next(p.logits for p in PHOTOS if p.content == body)
    )

    proven = proof_endpoint.prove(STACK, NEW, silent)

    assert (proven.photos, proven.largest_difference) == (2, 0.0)
    model, configuration, endpoint = (created[kind] for kind in ("model", "endpoint_config", "endpoint"))
    assert model["PrimaryContainer"] == {
        "Image": "image",
        "ModelDataUrl": NEW.model_data_url,
    }
    assert (model["ExecutionRoleArn"], model["EnableNetworkIsolation"]) == ("role", True)
    (variant,) = configuration["ProductionVariants"]
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.m5.xlarge", 1)
    assert variant["ContainerStartupHealthCheckTimeoutInSeconds"] == 300
    assert variant["InferenceAmiVersion"] == "a newer driver"
    assert configuration["KmsKeyId"] == "key"
    tags = [{"Key": "Stack", "Value": "kennel-dev"}, {"Key": "Release", "Value": NEW.id}]
    assert [each["Tags"] for each in (model, configuration, endpoint)] == [tags] * 3
    assert [each["EndpointName"] for each in (endpoint, *service.asked)] == [NAME] * 3
    assert [each["ContentType"] for each in service.asked] == ["image/webp", "image/jpeg"]
    assert service.created == {}


def test_a_serverless_deployment_is_proven_without_instances(sagemaker: Any) -> None:
    service = sagemaker()
    created: dict[str, Any] = {}
    service.answers = lambda body: (
        created.update(service.created) or next(p.logits for p in PHOTOS if p.content == body)
    )
    serverless = replace(NEW, serverless={"memory_mb": 3072, "max_concurrency": 7})

    assert proof_endpoint.prove(STACK, serverless, silent).photos == 2

    assert created["model"]["EnableNetworkIsolation"] is False, "AWS refuses it"
    assert created["endpoint_config"]["KmsKeyId"] == "key"
    assert created["endpoint_config"]["ProductionVariants"] == [
        {
            "VariantName": "AllTraffic",
            "ModelName": NAME,
            "InitialVariantWeight": 1.0,
            "ServerlessConfig": {"MemorySizeInMB": 3072, "MaxConcurrency": 7},
        }
    ]


def test_a_wrong_answer_and_a_container_that_does_not_start_are_reported_and_deleted(sagemaker: Any) -> None:
    service = sagemaker(answers=lambda body: [1.0, -1.5])
    with pytest.raises(StackError, match=r"golden photo 0\.webp differs by 0\.5"):
        proof_endpoint.prove(STACK, NEW, silent)
    assert service.created == {}

    service = sagemaker(becomes="Failed")
    with pytest.raises(StackError, match=rf"^{NAME} failed: no health in its check \(its log: .* logs proof"):
        proof_endpoint.prove(STACK, NEW, silent)
    assert service.created == {}


def test_an_interrupted_proof_leaves_nothing(sagemaker: Any) -> None:
    def interrupt(_: Any) -> None:
        raise KeyboardInterrupt

    service = sagemaker(answers=interrupt)

    with pytest.raises(KeyboardInterrupt):
        proof_endpoint.prove(STACK, NEW, silent)

    assert service.created == {}


def test_a_quota_without_an_instance_names_the_ways_to_go_on(sagemaker: Any) -> None:
    service = sagemaker()

    def create_endpoint(**_: Any) -> None:
        raise refused("ResourceLimitExceeded", "The limit is 1 Instances", "CreateEndpoint")

    service.create_endpoint = create_endpoint

    with pytest.raises(StackError, match=r"one more ml\.m5\.xlarge.* limit is 1 .*--no-proof-endpoint"):
        proof_endpoint.prove(STACK, NEW, silent)

    assert service.created == {}


@pytest.mark.parametrize(
    "left", [["model"], ["model", "endpoint_config"], ["model", "endpoint_config", "endpoint"]]
)
def test_what_a_killed_proof_left_is_deleted_and_said(sagemaker: Any, left: list[str]) -> None:
    service = sagemaker()
    service.created = {kind: {} for kind in left}

    assert proof_endpoint.clear(STACK, silent) == [f"{NAME} was left by a proof, and is deleted"]
    assert service.created == {}
    assert proof_endpoint.clear(STACK, silent) == []


def test_destroying_a_stack_deletes_what_a_killed_proof_left(
    sagemaker: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    service = sagemaker()
    service.created = {"model": {}, "endpoint_config": {}, "endpoint": {}}
    left_before_terraform: list[bool] = []

    class Applied:
        progress: Any = None

        def apply(self, file: Path) -> None:
            left_before_terraform.append(bool(service.created))

    monkeypatch.setattr(stack_module, "outputs", lambda *_: STACK)
    monkeypatch.setattr(stack_module.unfinished, "noted", lambda workspace: contextlib.nullcontext())
    workspace, terraform, changes = Workspace("dev", tmp_path), Applied(), Any

    for destroy in (False, True):
        stack_module.Plan(changes, workspace, terraform, tmp_path, destroy).apply()  # type: ignore[arg-type]

    assert left_before_terraform == [True, False]
