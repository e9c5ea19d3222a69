"""The two things the function asks of AWS: a photo of the inbox, and a prediction of the endpoint."""

from __future__ import annotations

import json
import math
from typing import Any

import boto3
from answer import LOGITS, PREDICTIONS, Refusal
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from picture import LARGEST, too_large

# Two tries of eleven seconds each fit into the function's default timeout of thirty.
_CONFIG = Config(connect_timeout=2, read_timeout=9, retries={"total_max_attempts": 2, "mode": "standard"})

# At module level, so that a warm function keeps its connections.
runtime: Any = boto3.client("sagemaker-runtime", config=_CONFIG)
s3: Any = boto3.client("s3", config=_CONFIG)

_THROTTLED = {"ThrottlingException", "Throttling", "TooManyRequestsException", "SlowDown"}
_BUSY = {
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "InternalFailure",
    "InternalDependencyException",
    "ModelNotReadyException",
}


def inbox_photo(bucket: str, key: str) -> bytes:
    """Return an object of the inbox.

    Raises
    ------
    Refusal
        404 if it cannot be read, 413 if it is too large, 5xx if S3 does not answer.
    """
    try:
        found = s3.get_object(Bucket=bucket, Key=key)
        with found["Body"] as stream:
            if found["ContentLength"] > LARGEST:
                raise too_large()
            photo: bytes = stream.read(LARGEST + 1)
    except ClientError as error:
        # Without the right to list the bucket a missing object is AccessDenied too.
        if _code(error) in ("NoSuchKey", "404", "AccessDenied", "InvalidObjectState"):
            raise Refusal(404, "there is no such photo in the inbox", cause=_code(error)) from error
        raise _unavailable(error, "the inbox") from error
    except BotoCoreError as error:
        raise _unavailable(error, "the inbox") from error
    return photo


def predict(endpoint: str, photo: bytes, content_type: str, top: int | None) -> str:
    """Return the endpoint's answer as JSON text: the logits matrix, or the `top` named predictions.

    Raises
    ------
    Refusal
        What the model refuses with its own 4xx; 429 or 503 when it may work later; else 500, 502 or 504.
    """
    try:
        said = runtime.invoke_endpoint(
            EndpointName=endpoint,
            ContentType=content_type,
            Accept=PREDICTIONS if top else LOGITS,
            Body=photo,
        )
        body: bytes = said["Body"].read()
    except ClientError as error:
        raise (
            _model_refusal(error) if _code(error) == "ModelError" else _unavailable(error, "the model")
        ) from error
    except BotoCoreError as error:
        raise _unavailable(error, "the model") from error
    return _checked(body, top)


def _checked(body: bytes, top: int | None) -> str:
    try:
        value = json.loads(body)
        if top is None:
            if not isinstance(value, list) or not value:
                raise ValueError("not a matrix")
            if not all(math.isfinite(number) for row in value for number in row):
                raise ValueError("a logit is not finite")
            return body.decode()
        ranked = sorted(value["predictions"], key=lambda one: -one["probability"])
        return json.dumps({**value, "predictions": ranked[:top]})
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise Refusal(502, "the model's answer could not be read", cause=repr(error)) from error


def _model_refusal(error: ClientError) -> Refusal:
    """Pass the model's own 4xx on, with its message if that is the one it makes for callers."""
    response: dict[str, Any] = dict(error.response)
    status = response.get("OriginalStatusCode")
    if not isinstance(status, int) or not 400 <= status < 500:
        return Refusal(502, "the model failed", cause=f"ModelError {status}")
    try:
        message = json.loads(response.get("OriginalMessage") or "")["error"]
    except (ValueError, TypeError, KeyError, RecursionError):
        message = None
    if not isinstance(message, str) or len(message) > 300 or not message.isprintable() or "arn:" in message:
        message = "the model refused the photo"
    return Refusal(status, message, cause="ModelError")


def _unavailable(error: ClientError | BotoCoreError, what: str) -> Refusal:
    if isinstance(error, ClientError):
        code = _code(error)
        if code in _THROTTLED:
            return Refusal(429, "too many requests, try again later", cause=code, retry_after=1)
        if code == "ValidationError":
            return Refusal(503, "no model is deployed", cause=code, retry_after=60)
        if code in _BUSY:
            return Refusal(503, f"{what} is not available, try again later", cause=code, retry_after=5)
        if code.startswith("AccessDenied"):
            return Refusal(500, "the service is not set up correctly", cause=code)
        return Refusal(502, f"{what} could not be asked", cause=code)
    name = type(error).__name__
    if isinstance(error, ReadTimeoutError | ConnectTimeoutError):
        return Refusal(504, f"{what} took too long", cause=name)
    if isinstance(error, EndpointConnectionError):
        return Refusal(503, f"{what} is not available, try again later", cause=name, retry_after=5)
    return Refusal(502, f"{what} could not be asked", cause=name)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))
