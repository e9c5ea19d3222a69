"""The Lambda handler: receives one photo, returns its logits or named predictions."""

from __future__ import annotations

import os
import time
from typing import Any

import aws_calls
import download
import events
import log
import photo_format
from http_response import LOGITS, PREDICTIONS, PredictionError, failure, success
from latency import FETCH, INVOKE, Latency

MAXIMUM_DOWNLOAD_SECONDS = 10.0
RESERVED_SECONDS = 5.0  # left for the endpoint, the response and the log after a download
ANSWER_SECONDS = 1.0  # left for the response and the log after the last attempt at a call
DEFAULT_SECONDS = 30.0  # the function's time limit where the context does not say what is left

aws_calls.prepare()


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Handle one event. Never raises; responses contain nothing about the account or the runtime.

    Parameters
    ----------
    event
        ``{"url": "https://…"}``, ``{"s3": "s3://…"}`` or ``{"image": base64}``, each with an optional
        ``"top": k``; or a proxy event of a function URL or API Gateway.
    context
        Lambda's context; its request id and remaining time are read.

    Returns
    -------
    dict
        ``{"statusCode", "headers", "body"}``; the body is JSON text.
    """
    latency = Latency()
    request_id = _request_id(context)
    try:
        response, fields = _predict(event, _end(context), request_id, latency)
        level = "INFO"
    except PredictionError as error:
        response, fields = failure(error, request_id), {"error": error.message, "cause": error.cause}
        level = "WARNING" if error.status < 500 else "ERROR"
    except Exception as error:  # noqa: BLE001 -- the caller always receives a response; the log has the error
        response = failure(PredictionError(500, "internal error"), request_id)
        level, fields = "ERROR", {"error": type(error).__name__, "cause": str(error)[:500]}
    log.write(
        level,
        "answered",
        requestId=request_id,
        status=response["statusCode"],
        **fields,
        **latency.fields(),
    )
    return response


def _predict(
    event: Any, end: float, request_id: str, latency: Latency
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the response with the prediction, and fields for the log; at `end` Lambda ends the function."""
    bucket, prefix = os.environ.get("INBOX_BUCKET", ""), os.environ.get("INBOX_PREFIX", "inbox/")
    request = events.parse(event, f"s3://{bucket}/{prefix}" if bucket else "")
    photo = request.image or b""
    if request.url is not None:
        with latency.measured(FETCH):
            seconds = min(MAXIMUM_DOWNLOAD_SECONDS, end - time.monotonic() - RESERVED_SECONDS)
            photo = download.fetch_photo(request.url, seconds)
    elif request.key is not None:
        with latency.measured(FETCH):
            photo = aws_calls.inbox_photo(bucket, request.key, end - ANSWER_SECONDS)
    content_type = photo_format.content_type(photo)
    with latency.measured(INVOKE):
        answer = aws_calls.predict(
            os.environ["ENDPOINT_NAME"], photo, content_type, request.top, end - ANSWER_SECONDS
        )
    form = PREDICTIONS if request.top else LOGITS
    response = success(answer.body, form, request_id, answer.release)
    return response, {"source": request.source, "bytes": len(photo), "release": answer.release}


def _request_id(context: Any) -> str:
    request_id = getattr(context, "aws_request_id", None)
    return request_id if isinstance(request_id, str) and request_id else os.urandom(16).hex()


def _end(context: Any) -> float:
    """Return when Lambda ends the invocation, on the clock of `time.monotonic`."""
    milliseconds = getattr(context, "get_remaining_time_in_millis", None)
    seconds = float(milliseconds()) / 1000 if callable(milliseconds) else DEFAULT_SECONDS
    return time.monotonic() + seconds
