"""What the function answers with: results, and refusals that a caller may see."""

from __future__ import annotations

import json
from typing import Any

LOGITS = "application/json"
PREDICTIONS = "application/vnd.kennel.predictions+json"


class Refusal(Exception):  # noqa: N818 -- it is an answer to the caller, not an error of ours
    """A call that ends without a prediction.

    Parameters
    ----------
    status
        HTTP status of the answer, 4xx or 5xx.
    message
        One line for the caller. It must not name anything of the account.
    cause
        For the log only: what went wrong underneath.
    retry_after
        Seconds after which the caller may try again.
    """

    def __init__(self, status: int, message: str, *, cause: str = "", retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.cause = cause
        self.retry_after = retry_after


def answer(status: int, body: str, content_type: str, request_id: str, release: str = "") -> dict[str, Any]:
    """Return the function's answer: an object that API Gateway and function URLs understand too."""
    headers = {
        "Content-Type": content_type,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": request_id,
    }
    if release:
        headers["X-Kennel-Release"] = release
    return {"statusCode": status, "headers": headers, "body": body}


def refuse(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """Return a refusal as an answer with a JSON body."""
    body = json.dumps({"error": refusal.message, "requestId": request_id})
    said = answer(refusal.status, body, "application/json", request_id)
    if refusal.retry_after is not None:
        said["headers"]["Retry-After"] = str(refusal.retry_after)
    if refusal.status == 405:
        said["headers"]["Allow"] = "POST"
    return said
