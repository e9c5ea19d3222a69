"""SageMaker's model registry: a release is a version in the stack's group, with its metrics and an approval.

Terraform makes the group. A release that was tested is registered as approved; one that nothing was measured
of, as pending, until somebody approves it in the registry. Deployments do not ask the registry.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kennel.aws import Progress, artifacts, session

OUTPUT = "model_package_group"  # of the stack: the group's name
APPROVED, PENDING = "Approved", "PendingManualApproval"
METRICS = "metrics.json"  # beside the archive
_TESTED = "test_top1"
_PICTURES = ["image/jpeg", "image/png", "image/webp"]


@dataclass(frozen=True)
class Registration:
    """A release's version in the registry."""

    arn: str
    version: int
    approval: str


def register(outputs: Mapping[str, Any], record: dict[str, Any], report: Progress) -> None:
    """Register a release, unless it is registered.

    Parameters
    ----------
    outputs
        The stack's.
    record
        The release's record.
    """
    group = outputs.get(OUTPUT)
    if not group:
        report("the stack has no group in the model registry yet: ./kennel stack.apply makes it")
        return
    release = record["id"]
    if release in registrations(group):
        return
    address = f"{record['model_data_url'].rpartition('/')[0]}/{METRICS}"
    measured = {name: record[name] for name in ("metrics", "sign_off", "latency", "size")}
    artifacts.put_once(address, (json.dumps(measured, indent=2) + "\n").encode())
    endpoint = outputs["endpoint"]
    properties = {"release": release, "runtime": record["runtime"], "job": record["job"]}
    session.client("sagemaker").create_model_package(
        ModelPackageGroupName=group,
        ModelPackageDescription=release,
        ModelApprovalStatus=APPROVED if _TESTED in record["metrics"] else PENDING,
        InferenceSpecification={
            "Containers": [{"Image": endpoint["image"], "ModelDataUrl": record["model_data_url"]}],
            "SupportedContentTypes": _PICTURES,
            "SupportedResponseMIMETypes": ["application/json"],
            "SupportedRealtimeInferenceInstanceTypes": [endpoint["instance_type"]],
        },
        ModelMetrics={"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": address}}},
        CustomerMetadataProperties=properties,
    )
    report(f"registered {release} in {group}")


def registrations(group: str | None) -> dict[str, Registration]:
    """Return what is registered in a group, by the release's id; nothing without one."""
    return {
        summary["ModelPackageDescription"]: Registration(
            summary["ModelPackageArn"], summary["ModelPackageVersion"], summary["ModelApprovalStatus"]
        )
        for summary in _summaries(group)
        if summary.get("ModelPackageDescription")
    }


def remove_all(group: str | None) -> None:
    """Delete all versions: SageMaker does not delete a group that has some."""
    for summary in list(_summaries(group)):
        session.client("sagemaker").delete_model_package(ModelPackageName=summary["ModelPackageArn"])


def _summaries(group: str | None) -> Iterator[dict[str, Any]]:
    if group:
        pages = session.client("sagemaker").get_paginator("list_model_packages")
        for page in pages.paginate(ModelPackageGroupName=group):
            yield from page["ModelPackageSummaryList"]
