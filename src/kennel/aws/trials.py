"""Trial endpoints: a release on a separate endpoint, not the one that Terraform deploys.

A notebook's role may create these and no others, so a trial cannot replace the deployed release.
"""

from __future__ import annotations

import json
import mimetypes
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kennel.aws import Progress, StackError, instance_types, session
from kennel.aws.releases import Release
from kennel.aws.stack import Stack

PREDICTIONS = "application/vnd.kennel.predictions+json"
READY_SECONDS = 1200.0  # SageMaker takes five to ten minutes for an instance


def name_of(stack: Stack, release: Release) -> str:
    """Return the trial endpoint's name, which is also that of its configuration and its model."""
    return f"{stack['name']}-trial-{release.id}"


def deploy(
    stack: Stack, release: Release, instance_type: str = "ml.m5.large", progress: Progress | None = None
) -> str:
    """Serve a release on a trial endpoint and wait until it is in service; return the endpoint's name.

    A previous trial of the same release is replaced.

    Raises
    ------
    StackError
        The endpoint could not be created, or its container did not start; it has been deleted.
    """
    report = progress or (lambda line: None)
    name = name_of(stack, release)
    delete(name)
    sagemaker = session.client("sagemaker")
    tags = [{"Key": "Release", "Value": release.id}]
    container = {
        "Image": stack["endpoint"]["image"],
        "ModelDataUrl": release.model_data_url,
        "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        },
    }
    variant = {
        "VariantName": stack["endpoint"]["variant"],
        "ModelName": name,
        "InstanceType": instance_type,
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0,
    }
    key = instance_types.volume_key(stack, instance_type)
    try:
        sagemaker.create_model(
            ModelName=name,
            PrimaryContainer=container,
            ExecutionRoleArn=stack["roles"]["endpoint"],
            EnableNetworkIsolation=True,
            Tags=tags,
        )
        sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[variant],
            Tags=tags,
            **({"KmsKeyId": key} if key else {}),
        )
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=tags)
        _wait_until_ready(name, report)
    except BaseException:
        delete(name)
        raise
    return name


def ask(name: str, photo: Path, top: int = 5) -> list[dict[str, Any]]:
    """Return the ``top`` most probable classes: ``[{"breed", "class", "probability"}, …]``."""
    response = session.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name,
        ContentType=mimetypes.guess_type(photo.name)[0] or "application/octet-stream",
        Accept=PREDICTIONS,
        Body=photo.read_bytes(),
    )
    predictions: list[dict[str, Any]] = json.loads(response["Body"].read())["predictions"]
    return predictions[:top]


def delete(name: str) -> None:
    """Delete a trial endpoint with its configuration and model, as far as they exist.

    Raises
    ------
    StackError
        SageMaker does not delete it; it is billed until it is deleted.
    """
    sagemaker = session.client("sagemaker")
    started = time.monotonic()
    while (status := status_of(name)) is not None:
        if status != "Deleting":  # refused as long as the endpoint is being created
            _unless_absent(lambda: sagemaker.delete_endpoint(EndpointName=name))
        if time.monotonic() - started > READY_SECONDS:
            raise StackError(f"{name} is still {status}: delete it in SageMaker, it is billed until then")
        time.sleep(0.5)
    _unless_absent(lambda: sagemaker.delete_endpoint_config(EndpointConfigName=name))
    _unless_absent(lambda: sagemaker.delete_model(ModelName=name))


def status_of(name: str) -> str | None:
    """Return a trial endpoint's status; None if there is no such endpoint."""
    from botocore.exceptions import ClientError

    try:
        described = session.client("sagemaker").describe_endpoint(EndpointName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        return None
    return str(described["EndpointStatus"])


def left(stack: Stack) -> list[str]:
    """Return the names of the trial endpoints that exist."""
    pages = session.client("sagemaker").get_paginator("list_endpoints")
    listed = pages.paginate(NameContains=f"{stack['name']}-trial-")
    return [endpoint["EndpointName"] for page in listed for endpoint in page["Endpoints"]]


def _unless_absent(remove: Callable[[], Any]) -> None:
    from botocore.exceptions import ClientError

    try:
        remove()
    except ClientError as error:
        # SageMaker's code for what does not exist and for what cannot be deleted yet.
        if error.response["Error"]["Code"] != "ValidationException":
            raise


def _wait_until_ready(name: str, report: Progress) -> None:
    started, reported = time.monotonic(), ""
    while True:
        described = session.client("sagemaker").describe_endpoint(EndpointName=name)
        status = described["EndpointStatus"]
        if status != reported:
            report(f"{name}: {status}")
            reported = status
        if status == "InService":
            return
        if status == "Failed":
            raise StackError(f"{name} failed: {described.get('FailureReason', 'no reason given')}")
        waited = time.monotonic() - started
        if waited > READY_SECONDS:
            raise StackError(f"{name} is still {status} after {waited / 60:.0f} minutes")
        time.sleep(min(10.0, 0.5 + waited / 20))
