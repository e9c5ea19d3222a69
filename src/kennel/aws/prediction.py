"""Predict the breed in one photo, by the function, its URL, the endpoint, or the model on this machine."""

from __future__ import annotations

import base64
import json
import math
import mimetypes
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from kennel.aws import Progress, StackError, artifacts, function_url, photos, session, silent
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import golden, release_archive, releases
from kennel.aws.session import Workspace

INVOKED_VARIANT = "x-Amzn-Invoked-Production-Variant"
RELEASE = "X-Kennel-Release"


@dataclass(frozen=True)
class PhotoPrediction:
    """The response for one photo.

    Parameters
    ----------
    logits
        One float per class, in the order of the release's classes; empty if ``status_code`` is not 200.
    top
        ``[{"breed", "class", "probability"}, …]``, most probable first.
    error
        The decoded body if ``status_code`` is not 200.
    seconds
        Duration of the call.
    learned
        What the release's model learnt from, see `kennel.classifier.learned`.
    """

    status_code: int
    headers: dict[str, str]
    logits: list[float]
    top: list[dict[str, Any]]
    error: dict[str, Any] | None
    via: str
    release: str
    seconds: float
    learned: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the prediction as a JSON document."""
        return {
            "statusCode": self.status_code,
            "headers": self.headers,
            "logits": self.logits,
            "top": self.top,
            "error": self.error,
            "via": self.via,
            "release": self.release,
            "seconds": round(self.seconds, 3),
            "learned": self.learned,
        }


def predict(
    workspace: Workspace,
    stack: Stack,
    photo: str,
    *,
    via: str = "function",
    top: int = 5,
    progress: Progress | None = None,
    release: releases.Release | None = None,
) -> PhotoPrediction:
    """Predict the breed in one photo.

    Parameters
    ----------
    photo
        A file, an ``https://`` address or ``s3://`` address (the last two for the function and its URL only).
    via
        ``function`` (the deployed Lambda function), ``url`` (the same, by a signed request to its URL),
        ``endpoint`` (SageMaker directly) or ``model`` (the deployed release's archive, on this machine).
    progress
        Receives a line if the photo was made smaller or converted for the function.
    release
        The deployed release, if it has been read already.

    Raises
    ------
    StackError
        Nothing is deployed, the photo cannot be read, or the function itself failed.
    """
    current = release or deployed(stack)
    routes: dict[str, Callable[[], tuple[int, dict[str, str], str]]] = {
        "function": lambda: _via_function(stack, photo, prepared),
        "url": lambda: _via_url(workspace, stack, photo, prepared),
        "endpoint": lambda: _via_endpoint(stack, photo, prepared),
        "model": lambda: _via_model(workspace, current, photo, prepared),
    }
    if via not in routes:
        raise StackError(f"unknown --via {via!r}: use {', '.join(routes)}")
    if via != "model" and stack["endpoint"].get("asleep"):
        raise StackError(f"{stack['name']} is asleep: run ./kennel stack.wake, or use --via model")
    prepared = None if photos.is_address(photo) else photos.read(photo)
    if prepared and prepared.note:
        (progress or silent)(prepared.note)
    started = time.monotonic()
    status, headers, body = routes[via]()
    seconds = time.monotonic() - started
    content = json.loads(body)
    logits = content[0] if status == 200 else []
    # During an update, answers are of both releases.
    answered_by = {name.lower(): value for name, value in headers.items()}.get(RELEASE.lower(), current.id)
    if answered_by != current.id:
        current = releases.find(stack["artifact_bucket"], answered_by)
    return PhotoPrediction(
        status_code=status,
        headers=headers,
        logits=logits,
        top=ranked(logits, current.classes, top),
        error=None if status == 200 else content,
        via=via,
        release=current.id,
        seconds=seconds,
        learned=current.learned,
    )


def deployed(stack: Stack) -> releases.Release:
    """Return the release that is deployed.

    Raises
    ------
    StackError
        There is none, or it cannot be read.
    """
    release_id = stack["endpoint"]["release_id"]
    if not release_id:
        raise StackError("no release is deployed: run ./kennel deploy")
    return releases.find(stack["artifact_bucket"], release_id)


def ranked(logits: list[float], classes: list[str], top: int) -> list[dict[str, Any]]:
    """Return the ``top`` most probable classes with their softmax probabilities."""
    if not logits:
        return []
    if len(logits) != len(classes):
        raise StackError(f"the model returned {len(logits)} logits for a release of {len(classes)} classes")
    largest = max(logits)  # subtracted so that the exponentials do not overflow
    weights = [math.exp(logit - largest) for logit in logits]
    order = sorted(range(len(logits)), key=lambda index: -logits[index])[:top]
    return [
        {
            "breed": classes[index].split(".", 1)[-1].replace("_", " "),
            "class": classes[index],
            "probability": weights[index] / sum(weights),
        }
        for index in order
    ]


def _content(photo: str, prepared: photos.Photo | None, via: str) -> photos.Photo:
    if prepared is None:
        raise StackError(f"--via {via} does not fetch {photo}: give a file, or --via function")
    return prepared


def _via_function(stack: Stack, photo: str, prepared: photos.Photo | None) -> tuple[int, dict[str, str], str]:
    return invoke_function(stack, _event(stack, photo, prepared))


def invoke_function(stack: Stack, event: dict[str, str]) -> tuple[int, dict[str, str], str]:
    """Send an event to the deployed function; return status code, headers and body of its answer.

    Raises
    ------
    StackError
        The function itself failed.
    """
    function = stack["function"]
    response = session.client("lambda").invoke(
        FunctionName=function["name"], Qualifier=function["alias"], Payload=json.dumps(event).encode()
    )
    payload = json.loads(response["Payload"].read())
    if "FunctionError" in response:
        detail = f"{payload.get('errorType', 'error')}: {payload.get('errorMessage', '')}"
        raise StackError(
            f"the function {function['name']} failed ({response['FunctionError']}): {detail}; "
            f"its log is {function['log_group']}"
        )
    return payload["statusCode"], payload["headers"], payload["body"]


def _via_url(
    workspace: Workspace, stack: Stack, photo: str, prepared: photos.Photo | None
) -> tuple[int, dict[str, str], str]:
    url = stack["function"].get("url")
    if not url:
        environment = workspace.environment
        raise StackError(
            f"the function has no URL: write function = {{ url = true }} into terraform/environments/"
            f"{environment}.tfvars, then run ./kennel stack.apply --env {environment}"
        )
    event = _event(stack, photo, prepared)
    if prepared and "image" in event:
        return function_url.post(url, prepared.content, prepared.media_type)
    return function_url.post(url, json.dumps(event).encode(), "application/json")


def _event(stack: Stack, photo: str, prepared: photos.Photo | None) -> dict[str, str]:
    if prepared is None:
        return {"url" if photo.startswith("https://") else "s3": photo}
    data = prepared.content
    if len(data) <= golden.LARGEST_BYTES:
        return {"image": base64.b64encode(data).decode()}
    suffix = mimetypes.guess_extension(prepared.media_type) or ""
    bucket, key = stack["data_bucket"], f"inbox/{uuid.uuid4()}{suffix}"
    session.client("s3").put_object(Bucket=bucket, Key=key, Body=data)
    return {"s3": f"s3://{bucket}/{key}"}


def _via_endpoint(stack: Stack, photo: str, prepared: photos.Photo | None) -> tuple[int, dict[str, str], str]:
    sent = _content(photo, prepared, "endpoint")
    return invoke_endpoint(stack["endpoint"]["name"], sent.content, sent.media_type)


def invoke_endpoint(name: str, content: bytes, media_type: str) -> tuple[int, dict[str, str], str]:
    """Send a photo to an endpoint; return status code, headers and body of its answer."""
    from botocore.exceptions import ClientError

    try:
        response = session.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=name, ContentType=media_type, Accept="application/json", Body=content
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ModelError":
            raise
        return (
            int(error.response.get("OriginalStatusCode", 500)),
            {},
            json.dumps({"error": error.response.get("OriginalMessage", error.response["Error"]["Message"])}),
        )
    headers = {"Content-Type": response["ContentType"]}
    if variant := response.get("InvokedProductionVariant"):
        headers[INVOKED_VARIANT] = variant
    return 200, headers, response["Body"].read().decode()


def _via_model(
    workspace: Workspace, release: releases.Release, photo: str, prepared: photos.Photo | None
) -> tuple[int, dict[str, str], str]:
    sent = _content(photo, prepared, "model")
    folder = workspace.build / "releases" / release.id
    if not (folder / "content" / "model.json").exists():
        archive = artifacts.download(release.model_data_url, folder / "model.tar.gz")
        release_archive.unpack(archive, folder / "content")
    logits = _loaded(folder / "content").logits(sent.content)
    return 200, {"Content-Type": "application/json"}, json.dumps([logits])


@lru_cache(maxsize=1)
def _loaded(folder: Path) -> Any:
    """Return the model of an unpacked release, which never changes."""
    from kennel.serving import model

    return model.load(folder)
