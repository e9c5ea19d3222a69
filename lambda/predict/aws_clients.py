"""The function's two AWS calls: read a photo from the inbox, and invoke the endpoint."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from http_response import LOGITS, PREDICTIONS, PredictionError
from photo_format import MAXIMUM_BYTES, too_large

# Two attempts of eleven seconds each fit into the function's default timeout of thirty.
_CONFIG = Config(connect_timeout=2, read_timeout=9, retries={"total_max_attempts": 2, "mode": "standard"})

# Module level: a warm function keeps its connections.
runtime: Any = boto3.client("sagemaker-runtime", config=_CONFIG)
s3: Any = boto3.client("s3", config=_CONFIG)

# In the attributes of an answer. It becomes a header, so it may contain nothing that ends one.
_RELEASE = re.compile(r"release=([A-Za-z0-9-]{1,64})\Z")

_THROTTLED = {"ThrottlingException", "Throttling", "TooManyRequestsException", "SlowDown"}
_BUSY = {
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "InternalFailure",
    "InternalDependencyException",
    "ModelNotReadyException",
}


def inbox_photo(bucket: str, key: str) -> bytes:
    """Return the bytes of an object in the inbox.

    Raises
    ------
    PredictionError
        404 if it cannot be read, 413 if it is too large, 5xx if S3 fails.
    """
    try:
        response = s3.get_object(Bucket=bucket, Key=key)
        with response["Body"] as stream:
            if response["ContentLength"] > MAXIMUM_BYTES:
                raise too_large()
            photo: bytes = stream.read(MAXIMUM_BYTES + 1)
    except ClientError as error:
        # Without s3:ListBucket, S3 reports a missing object as AccessDenied.
        if _code(error) in ("NoSuchKey", "404", "AccessDenied", "InvalidObjectState"):
            raise PredictionError(404, "there is no such photo in the inbox", cause=_code(error)) from error
        raise _unavailable(error, "the inbox") from error
    except BotoCoreError as error:
        raise _unavailable(error, "the inbox") from error
    return photo


class Answer(NamedTuple):
    """The endpoint's prediction as JSON text, and the id of the release that made it; empty if unknown."""

    body: str
    release: str


def predict(endpoint: str, photo: bytes, content_type: str, top: int | None) -> Answer:
    """Invoke the endpoint and return its prediction.

    Parameters
    ----------
    top
        How many named predictions to return, most probable first; None for the logits matrix.

    Raises
    ------
    PredictionError
        The model's own 4xx; 429 or 503 if a later attempt may succeed; else 500, 502 or 504.
    """
    try:
        response = runtime.invoke_endpoint(
            EndpointName=endpoint,
            ContentType=content_type,
            Accept=PREDICTIONS if top else LOGITS,
            Body=photo,
        )
        body: bytes = response["Body"].read()
    except ClientError as error:
        raise (
            _model_error(error) if _code(error) == "ModelError" else _unavailable(error, "the model")
        ) from error
    except BotoCoreError as error:
        raise _unavailable(error, "the model") from error
    release = _RELEASE.match(response.get("CustomAttributes") or "")
    return Answer(_validated(body, top), release[1] if release else "")


def _validated(body: bytes, top: int | None) -> str:
    """Return the endpoint's body as text, `top` predictions of it; 502 if it has an unexpected form."""
    try:
        value = json.loads(body)
        if top is None:
            if not isinstance(value, list) or not value:
                raise ValueError("not a matrix")
            if not all(math.isfinite(number) for row in value for number in row):
                raise ValueError("a logit is not finite")
            return body.decode()
        ranked = sorted(value["predictions"], key=lambda prediction: -prediction["probability"])
        return json.dumps({**value, "predictions": ranked[:top]})
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise PredictionError(502, "the model's answer could not be read", cause=repr(error)) from error


def _model_error(error: ClientError) -> PredictionError:
    """Return the model's own 4xx, with its message if that has the form of a message for callers."""
    response: dict[str, Any] = dict(error.response)
    status = response.get("OriginalStatusCode")
    if not isinstance(status, int) or not 400 <= status < 500:
        return PredictionError(502, "the model failed", cause=f"ModelError {status}")
    try:
        message = json.loads(response.get("OriginalMessage") or "")["error"]
    except (ValueError, TypeError, KeyError, RecursionError):
        message = None
    if not isinstance(message, str) or len(message) > 300 or not message.isprintable() or "arn:" in message:
        message = "the model refused the photo"
    return PredictionError(status, message, cause="ModelError")


def _unavailable(error: ClientError | BotoCoreError, service: str) -> PredictionError:
    """Return the error for a failed call; `service` names the called service to the caller."""
    if isinstance(error, ClientError):
        code = _code(error)
        if code in _THROTTLED:
            return PredictionError(429, "too many requests, try again later", cause=code, retry_after=1)
        if code == "ValidationError":
            return PredictionError(503, "no model is deployed", cause=code, retry_after=60)
        if code in _BUSY:
            return PredictionError(
                503, f"{service} is not available, try again later", cause=code, retry_after=5
            )
        if code.startswith("AccessDenied"):
            return PredictionError(500, "the service is not set up correctly", cause=code)
        return PredictionError(502, f"{service} could not be called", cause=code)
    name = type(error).__name__
    if isinstance(error, ReadTimeoutError | ConnectTimeoutError):
        return PredictionError(504, f"{service} took too long", cause=name)
    if isinstance(error, EndpointConnectionError):
        return PredictionError(503, f"{service} is not available, try again later", cause=name, retry_after=5)
    return PredictionError(502, f"{service} could not be called", cause=name)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))
