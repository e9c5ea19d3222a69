"""The function: one photo in, its logits or named predictions out."""

from __future__ import annotations

import os
import time
import uuid
from typing import Any

import cloud
import fetch
import log
import picture
import request
from answer import LOGITS, PREDICTIONS, Refusal, answer, refuse

LONGEST_FETCH = 10.0  # seconds
FOR_THE_MODEL = 5.0  # seconds to leave for the endpoint, the answer and the log


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer one event; never raises, and says nothing of the account or the runtime to the caller.

    Parameters
    ----------
    event
        ``{"url": "https://…"}``, ``{"s3": "s3://…"}`` or ``{"image": base64}``, each with an optional
        ``"top": k``; or a proxy event of a function URL or API Gateway.
    context
        Lambda's; its request id and remaining time are read.

    Returns
    -------
    ``{"statusCode", "headers", "body"}``; the body is JSON text.
    """
    started = time.monotonic()
    request_id = _request_id(context)
    try:
        said, fields = _respond(event, context, request_id)
        level = "INFO"
    except Refusal as refusal:
        said, fields = refuse(refusal, request_id), {"error": refusal.message, "cause": refusal.cause}
        level = "WARNING" if refusal.status < 500 else "ERROR"
    except Exception as error:  # noqa: BLE001 -- a caller gets an answer, whatever broke; the log names it
        said = refuse(Refusal(500, "something went wrong here"), request_id)
        level, fields = "ERROR", {"error": type(error).__name__, "cause": str(error)[:500]}
    log.write(
        level,
        "answered",
        requestId=request_id,
        status=said["statusCode"],
        milliseconds=round((time.monotonic() - started) * 1000),
        **fields,
    )
    return said


def _respond(event: Any, context: Any, request_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    bucket, prefix = os.environ.get("INBOX_BUCKET", ""), os.environ.get("INBOX_PREFIX", "inbox/")
    asked = request.parse(event, f"s3://{bucket}/{prefix}" if bucket else "")
    if asked.url is not None:
        photo = fetch.fetch(asked.url, _seconds_to_fetch(context))
    elif asked.key is not None:
        photo = cloud.inbox_photo(bucket, asked.key)
    else:
        photo = asked.image or b""
    content_type = picture.content_type(photo)
    body = cloud.predict(os.environ["ENDPOINT_NAME"], photo, content_type, asked.top)
    said = answer(
        200,
        body,
        PREDICTIONS if asked.top else LOGITS,
        request_id,
        os.environ.get("ENDPOINT_RELEASE", ""),
    )
    return said, {"source": asked.source, "bytes": len(photo)}


def _request_id(context: Any) -> str:
    given = getattr(context, "aws_request_id", None)
    return given if isinstance(given, str) and given else str(uuid.uuid4())


def _seconds_to_fetch(context: Any) -> float:
    left = getattr(context, "get_remaining_time_in_millis", None)
    if not callable(left):
        return LONGEST_FETCH
    return min(LONGEST_FETCH, left() / 1000 - FOR_THE_MODEL)
