"""The function's responses: predictions, and errors whose message a caller may see."""

from __future__ import annotations

import json
from typing import Any

LOGITS = "application/json"
PREDICTIONS = "application/vnd.kennel.predictions+json"


class PredictionError(Exception):
    """The one exception of this function: an event that ends without a prediction.

    Parameters
    ----------
    status
        HTTP status of the response, 4xx or 5xx.
    message
        One line for the caller. It must not name anything of the account.
    cause
        The underlying error, for the log only.
    retry_after
        Seconds after which the caller may try again.
    """

    def __init__(self, status: int, message: str, *, cause: str = "", retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.cause = cause
        self.retry_after = retry_after


def success(body: str, content_type: str, request_id: str, release: str) -> dict[str, Any]:
    """Return the response with a prediction.

    Parameters
    ----------
    body
        JSON text.
    release
        Id of the release that predicted; empty if unknown.
    """
    response = _response(200, body, content_type, request_id)
    if release:
        response["headers"]["X-Kennel-Release"] = release
    return response


def failure(error: PredictionError, request_id: str) -> dict[str, Any]:
    """Return the response for an error: a JSON body with ``error`` and ``requestId``."""
    body = json.dumps({"error": error.message, "requestId": request_id})
    response = _response(error.status, body, "application/json", request_id)
    if error.retry_after is not None:
        response["headers"]["Retry-After"] = str(error.retry_after)
    if error.status == 405:
        response["headers"]["Allow"] = "POST"
    return response


def _response(status: int, body: str, content_type: str, request_id: str) -> dict[str, Any]:
    """Return a response in the form that API Gateway and function URLs expect."""
    headers = {
        "Content-Type": content_type,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": request_id,
    }
    return {"statusCode": status, "headers": headers, "body": body}
