"""The model registry: a release is registered once, with its metrics, approved if it was tested."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from kennel.aws import model_registry, silent
from kennel.aws.infrastructure.stack import Stack

GROUP = "kennel-local"


@pytest.fixture
def outputs(stack: Stack) -> dict[str, Any]:
    boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    endpoint = {
        "image": "763104351884.dkr.ecr.us-east-1.amazonaws.com/ray:v1",
        "instance_type": "ml.c5.large",
    }
    return {**stack.outputs, "endpoint": endpoint, model_registry.OUTPUT: GROUP}


def record(release: str, **metrics: float) -> dict[str, Any]:
    return {
        "id": release,
        "job": "job-1",
        "metrics": metrics,
        "model_data_url": f"s3://artifacts/releases/{release}/model.tar.gz",
        "runtime": "openvino-int8",
        "sign_off": {"reason": "it agrees"},
        "latency": {"p50_ms": 6.3},
        "size": 64_000_000,
    }


def test_a_tested_release_is_registered_once_as_approved(outputs: dict[str, Any]) -> None:
    lines: list[str] = []
    for _ in range(2):
        model_registry.register(outputs, record("r-1", test_top1=0.9), lines.append)

    registered = model_registry.registrations(GROUP)
    assert [(name, entry.version, entry.approval) for name, entry in registered.items()] == [
        ("r-1", 1, "Approved")
    ]
    assert lines == ["registered r-1 in kennel-local"]
    package = boto3.client("sagemaker").describe_model_package(ModelPackageName=registered["r-1"].arn)
    assert package["CustomerMetadataProperties"]["runtime"] == "openvino-int8"
    container = package["InferenceSpecification"]["Containers"][0]
    assert container["ModelDataUrl"] == "s3://artifacts/releases/r-1/model.tar.gz"


def test_its_metrics_are_in_the_bucket(outputs: dict[str, Any]) -> None:
    model_registry.register(outputs, record("r-1", test_top1=0.9), silent)

    arn = model_registry.registrations(GROUP)["r-1"].arn
    package = boto3.client("sagemaker").describe_model_package(ModelPackageName=arn)
    address = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    assert address == "s3://artifacts/releases/r-1/metrics.json"
    body = boto3.client("s3").get_object(Bucket="artifacts", Key="releases/r-1/metrics.json")["Body"].read()
    document = json.loads(body)
    assert (document["metrics"], document["latency"]) == ({"test_top1": 0.9}, {"p50_ms": 6.3})


def test_what_nothing_was_measured_of_waits_for_approval(outputs: dict[str, Any]) -> None:
    model_registry.register(outputs, record("r-1"), silent)

    assert model_registry.registrations(GROUP)["r-1"].approval == "PendingManualApproval"


def test_a_stack_of_before_has_no_group(stack: Stack) -> None:
    lines: list[str] = []
    model_registry.register(stack.outputs, record("r-1"), lines.append)

    assert "./kennel stack.apply makes it" in lines[0]
    assert model_registry.registrations(None) == {}
