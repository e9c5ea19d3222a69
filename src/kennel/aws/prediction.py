"""Predict the breed in one photo, through the function, the endpoint, or the model on this machine."""

from __future__ import annotations

import base64
import json
import math
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.aws import StackError, artifacts, releases, session
from kennel.aws.session import Workspace
from kennel.aws.stack import Stack

# Lambda limits a synchronous payload to 6 MB, and base64 encodes 3 bytes as 4.
_MAXIMUM_INLINE_BYTES = 4_400_000
_MEDIA_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}


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
    """

    status_code: int
    headers: dict[str, str]
    logits: list[float]
    top: list[dict[str, Any]]
    error: dict[str, Any] | None
    via: str
    release: str
    seconds: float

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
        }


def predict(
    workspace: Workspace, stack: Stack, photo: str, *, via: str = "function", top: int = 5
) -> PhotoPrediction:
    """Predict the breed in one photo.

    Parameters
    ----------
    photo
        A file, an ``https://`` address or ``s3://`` address (the last two for the function only).
    via
        ``function`` (the deployed Lambda function), ``endpoint`` (SageMaker directly) or
        ``model`` (the deployed release's archive, on this machine).

    Raises
    ------
    StackError
        Nothing is deployed, the photo cannot be read, or the function itself failed.
    """
    release_id = stack["endpoint"]["release_id"]
    if not release_id:
        raise StackError("no release is deployed: run ./kennel deploy")
    release = releases.find(stack["artifact_bucket"], release_id)
    routes: dict[str, Callable[[], tuple[int, dict[str, str], str]]] = {
        "function": lambda: _via_function(stack, photo),
        "endpoint": lambda: _via_endpoint(stack, photo),
        "model": lambda: _via_model(workspace, release, photo),
    }
    if via not in routes:
        raise StackError(f"unknown --via {via!r}: use {', '.join(routes)}")
    started = time.monotonic()
    status, headers, body = routes[via]()
    seconds = time.monotonic() - started
    content = json.loads(body)
    logits = content[0] if status == 200 else []
    return PhotoPrediction(
        status_code=status,
        headers=headers,
        logits=logits,
        top=ranked(logits, release.classes, top),
        error=None if status == 200 else content,
        via=via,
        release=release.id,
        seconds=seconds,
    )


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


def _read(photo: str) -> bytes:
    path = Path(photo).expanduser()
    if not path.is_file():
        raise StackError(f"no photo at {photo}: give a JPEG, PNG or WebP file")
    return path.read_bytes()


def _via_function(stack: Stack, photo: str) -> tuple[int, dict[str, str], str]:
    function = stack["function"]
    response = session.client("lambda").invoke(
        FunctionName=function["name"],
        Qualifier=function["alias"],
        Payload=json.dumps(_event(stack, photo)).encode(),
    )
    payload = json.loads(response["Payload"].read())
    if "FunctionError" in response:
        detail = f"{payload.get('errorType', 'error')}: {payload.get('errorMessage', '')}"
        raise StackError(
            f"the function {function['name']} failed ({response['FunctionError']}): {detail}; "
            f"its log is {function['log_group']}"
        )
    return payload["statusCode"], payload["headers"], payload["body"]


def _event(stack: Stack, photo: str) -> dict[str, str]:
    if photo.startswith("https://"):
        return {"url": photo}
    if photo.startswith("s3://"):
        return {"s3": photo}
    data = _read(photo)
    if len(data) <= _MAXIMUM_INLINE_BYTES:
        return {"image": base64.b64encode(data).decode()}
    bucket, key = stack["data_bucket"], f"inbox/{uuid.uuid4()}{Path(photo).suffix.lower()}"
    session.client("s3").put_object(Bucket=bucket, Key=key, Body=data)
    return {"s3": f"s3://{bucket}/{key}"}


def _via_endpoint(stack: Stack, photo: str) -> tuple[int, dict[str, str], str]:
    from botocore.exceptions import ClientError

    try:
        response = session.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=stack["endpoint"]["name"],
            ContentType=_MEDIA_TYPES.get(Path(photo).suffix.lower(), "application/octet-stream"),
            Accept="application/json",
            Body=_read(photo),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ModelError":
            raise
        return (
            int(error.response.get("OriginalStatusCode", 500)),
            {},
            json.dumps({"error": error.response.get("OriginalMessage", error.response["Error"]["Message"])}),
        )
    return 200, {"Content-Type": response["ContentType"]}, response["Body"].read().decode()


def _via_model(
    workspace: Workspace, release: releases.Release, photo: str
) -> tuple[int, dict[str, str], str]:
    from kennel.classifier import inference

    folder = workspace.build / "releases" / release.id
    if not (folder / "content" / "model.json").exists():
        archive = artifacts.download(release.model_data_url, folder / "model.tar.gz")
        releases.unpack(archive, folder / "content")
    logits = inference.load(folder / "content").logits(_read(photo))
    return 200, {"Content-Type": "application/json"}, json.dumps([logits])
