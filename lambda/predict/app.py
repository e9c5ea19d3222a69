"""The Lambda handler: receives one photo, returns its logits or named predictions."""

from __future__ import annotations

import os
import time
import uuid
from typing import Any

import aws_clients
import download
import events
import log
import photo_format
from http_response import LOGITS, PREDICTIONS, PredictionError, failure, success

MAXIMUM_DOWNLOAD_SECONDS = 10.0
RESERVED_SECONDS = 5.0  # left for the endpoint, the response and the log after a download


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
    started = time.monotonic()
    request_id = _request_id(context)
    try:
        response, fields = _predict(event, context, request_id)
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
        milliseconds=round((time.monotonic() - started) * 1000),
        **fields,
    )
    return response


def _predict(event: Any, context: Any, request_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the response with the prediction, and fields for the log."""
    bucket, prefix = os.environ.get("INBOX_BUCKET", ""), os.environ.get("INBOX_PREFIX", "inbox/")
    request = events.parse(event, f"s3://{bucket}/{prefix}" if bucket else "")
    if request.url is not None:
        photo = download.fetch_photo(request.url, _download_seconds(context))
    elif request.key is not None:
        photo = aws_clients.inbox_photo(bucket, request.key)
    else:
        photo = request.image or b""
    content_type = photo_format.content_type(photo)
    answer = aws_clients.predict(os.environ["ENDPOINT_NAME"], photo, content_type, request.top)
    form = PREDICTIONS if request.top else LOGITS
    response = success(answer.body, form, request_id, answer.release)
    return response, {"source": request.source, "bytes": len(photo), "release": answer.release}


def _request_id(context: Any) -> str:
    request_id = getattr(context, "aws_request_id", None)
    return request_id if isinstance(request_id, str) and request_id else str(uuid.uuid4())


def _download_seconds(context: Any) -> float:
    remaining_milliseconds = getattr(context, "get_remaining_time_in_millis", None)
    if not callable(remaining_milliseconds):
        return MAXIMUM_DOWNLOAD_SECONDS
    return min(MAXIMUM_DOWNLOAD_SECONDS, float(remaining_milliseconds()) / 1000 - RESERVED_SECONDS)
