"""Trial endpoints: a release on a separate endpoint, not the one that Terraform deploys.

A notebook's role may create these and no others, so a trial cannot replace the deployed release.
"""

from __future__ import annotations

import json
import mimetypes
from pathlib import Path
from typing import Any

from kennel.aws import Progress, session, silent
from kennel.aws.deployment.short_lived_endpoint import ShortLivedEndpoint
from kennel.aws.endpoint_lifecycle import delete, status_of
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release.releases import Release

__all__ = ["ask", "delete", "deploy", "left", "name_of", "status_of"]

PREDICTIONS = "application/vnd.kennel.predictions+json"


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
    name, image = name_of(stack, release), stack["endpoint"]["image"]
    tags = {"Release": release.id}
    endpoint = ShortLivedEndpoint(name, image, release.model_data_url, instance_type, tags)
    endpoint.create(stack, progress or silent)
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


def left(stack: Stack) -> list[str]:
    """Return the names of the trial endpoints that exist."""
    pages = session.client("sagemaker").get_paginator("list_endpoints")
    listed = pages.paginate(NameContains=f"{stack['name']}-trial-")
    return [endpoint["EndpointName"] for page in listed for endpoint in page["Endpoints"]]
