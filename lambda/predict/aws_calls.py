"""The function's two AWS calls: read a photo from the inbox, and invoke the endpoint."""

from __future__ import annotations

import json
import math
import os
import re
from contextlib import suppress
from http.client import HTTPException
from typing import NamedTuple
from urllib.parse import quote

import tls
from aws_service import (
    BUSY,
    MODEL_ERROR,
    THROTTLED,
    Request,
    Service,
    ServiceError,
    TooLargeError,
    UnreachableError,
)
from http_response import LOGITS, PREDICTIONS, PredictionError
from photo_format import MAXIMUM_BYTES, too_large
from service_address import bucket_address, model_address

# Module level: a warm function keeps its connections.
sagemaker = Service("sagemaker")
s3 = Service("s3")

LARGEST_ANSWER = 6 * 1024 * 1024  # what Lambda itself returns at most
RETRY_SECONDS = 1  # for who was refused because others are served first
LONGEST_RETRY_SECONDS = 600

# In the attributes of an answer. It becomes a header, so it may contain nothing that ends one.
_RELEASE = re.compile(r"release=([A-Za-z0-9-]{1,64})\Z")
_NO_RESPONSE = (OSError, HTTPException)


def prepare() -> None:
    """Read the certificate authorities in the initialisation: Lambda gives it more of a processor.

    What is wrong here is reported by the first invocation.
    """
    with suppress(KeyError, OSError):
        if model_address(_region(), "").startswith("https:"):
            tls.aws()


def inbox_photo(bucket: str, key: str, end: float) -> bytes:
    """Return the bytes of an object in the inbox.

    Parameters
    ----------
    end
        When to give up, on the clock of `time.monotonic`.

    Raises
    ------
    PredictionError
        404 if it cannot be read, 413 if it is too large, 5xx if S3 fails.
    """
    url = f"{bucket_address(_region(), bucket)}/{quote(key, safe='/~')}"
    try:
        return s3.send(Request("GET", url, {}, b"", MAXIMUM_BYTES), _region(), end).body
    except TooLargeError as error:
        raise too_large() from error
    except ServiceError as error:
        # Without s3:ListBucket, S3 reports a missing object as AccessDenied.
        if error.code in ("NoSuchKey", "404", "AccessDenied", "InvalidObjectState"):
            raise PredictionError(404, "there is no such photo in the inbox", cause=error.code) from error
        raise _refused(error, "the inbox") from error
    except _NO_RESPONSE as error:
        raise _no_response(error, "the inbox") from error


class Answer(NamedTuple):
    """The endpoint's prediction as JSON text, and the id of the release that made it; empty if unknown."""

    body: str
    release: str


def predict(endpoint: str, photo: bytes, content_type: str, top: int | None, end: float) -> Answer:
    """Invoke the endpoint and return its prediction.

    Parameters
    ----------
    top
        How many named predictions to return, most probable first; None for the logits matrix.
    end
        When to give up, on the clock of `time.monotonic`.

    Raises
    ------
    PredictionError
        The model's own 4xx; 429 or 503 if a later attempt may succeed; else 500, 502 or 504.
    """
    headers = {"Content-Type": content_type, "Accept": PREDICTIONS if top else LOGITS}
    if trace := os.environ.get("_X_AMZN_TRACE_ID"):
        headers["X-Amzn-Trace-Id"] = trace
    request = Request("POST", model_address(_region(), endpoint), headers, photo, LARGEST_ANSWER)
    try:
        response = sagemaker.send(request, _region(), end)
    except TooLargeError as error:
        raise PredictionError(502, "the model's answer could not be read", cause="too large") from error
    except ServiceError as error:
        raise (_model_error(error) if error.code == MODEL_ERROR else _refused(error, "the model")) from error
    except _NO_RESPONSE as error:
        raise _no_response(error, "the model") from error
    release = _RELEASE.match(response.headers.get("x-amzn-sagemaker-custom-attributes", ""))
    return Answer(_validated(response.body, top), release[1] if release else "")


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ["AWS_DEFAULT_REGION"]


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


def _model_error(error: ServiceError) -> PredictionError:
    """Return the model's own refusal, with its message if that has the form of a message for callers."""
    status = error.members.get("OriginalStatusCode")
    if status in (429, 503):  # its queue is full
        message = "the model is busy, try again later"
        return PredictionError(status, message, cause=f"ModelError {status}", retry_after=_waits(error))
    if not isinstance(status, int) or not 400 <= status < 500:
        return PredictionError(502, "the model failed", cause=f"ModelError {status}")
    return PredictionError(
        status, _original_message(error) or "the model refused the photo", cause="ModelError"
    )


def _original_message(error: ServiceError) -> str:
    """Return what ``{"error": text}`` or ``{"error": {"message": text}}`` says; empty if it is unfit."""
    try:
        message = json.loads(error.members.get("OriginalMessage") or "")["error"]
        if isinstance(message, dict):
            message = message["message"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    fit = isinstance(message, str) and len(message) <= 300 and message.isprintable() and "arn:" not in message
    return message if fit else ""


def _refused(error: ServiceError, service: str) -> PredictionError:
    """Return the error for a refused call; `service` names the called service to the caller."""
    code = error.code
    if code in THROTTLED or error.status == 429:
        return PredictionError(
            429, "too many requests, try again later", cause=code, retry_after=_waits(error)
        )
    if code == "ValidationError":
        return PredictionError(503, "no model is deployed", cause=code, retry_after=60)
    if code in BUSY or error.status == 503:
        message = f"{service} is not available, try again later"
        return PredictionError(503, message, cause=code, retry_after=_waits(error, 5))
    if code.startswith("AccessDenied"):
        return PredictionError(500, "the service is not set up correctly", cause=code)
    return PredictionError(502, f"{service} could not be called", cause=code)


def _no_response(error: OSError | HTTPException, service: str) -> PredictionError:
    name = type(error).__name__
    if isinstance(error, TimeoutError) or (isinstance(error, UnreachableError) and error.late):
        return PredictionError(504, f"{service} took too long", cause=name)
    if isinstance(error, UnreachableError):
        message = f"{service} is not available, try again later"
        return PredictionError(503, message, cause=str(error), retry_after=5)
    return PredictionError(502, f"{service} could not be called", cause=repr(error))


def _waits(error: ServiceError, default: int = RETRY_SECONDS) -> int:
    return min(default if error.retry_after is None else error.retry_after, LONGEST_RETRY_SECONDS)
