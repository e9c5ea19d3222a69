"""What a request must be: content type, length and body, and which answer it accepts."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request

from kennel.serving.refusal import Refusal

JSON = "application/json"
PREDICTIONS = "application/vnd.kennel.predictions+json"
PICTURES = ("image/jpeg", "image/jpg", "image/png", "image/webp")
BODY_LIMIT = 6_500_000  # bytes
DISCARDED = 26_000_000  # bytes that are read of a refused body; SageMaker passes on no longer ones
BODY_SECONDS = 30  # within which a body must have arrived


def check(request: Request) -> None:
    """Refuse a request whose headers already say that it cannot be answered.

    Raises
    ------
    Refusal
        415 for the content type or encoding, 400 for a malformed length, 413 for one that is too large.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in PICTURES:
        cause = f"content type {kind[:80]!r} is not served" if kind else "the request has no content type"
        raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"{cause}; send image/jpeg, image/png or image/webp")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise Refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"content encoding {encoding[:80]!r} is not served; send none"
        )
    length = declared_length(request)
    if length is not None and length > BODY_LIMIT:
        raise _too_large(f"{length} bytes")


def declared_length(request: Request) -> int | None:
    """Return the header ``Content-Length``; None if there is none.

    Raises
    ------
    Refusal
        It is not one number.
    """
    values = set(request.headers.getlist("content-length"))
    if not values:
        return None
    value = values.pop()
    if values or not (value.isascii() and value.isdecimal() and len(value) < 20):
        raise Refusal(HTTPStatus.BAD_REQUEST, "the header Content-Length is not a number of bytes")
    return int(value)


async def body(request: Request) -> bytes:
    """Read a request's body; no more than the limit is ever held.

    Raises
    ------
    Refusal
        It is empty, too large, shorter than declared, or does not arrive in time.
    """
    chunks: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                length += len(chunk)
                if length > BODY_LIMIT:
                    raise _too_large("the body")
                chunks.append(chunk)
    except TimeoutError:
        raise Refusal(
            HTTPStatus.REQUEST_TIMEOUT, f"the body did not arrive within {BODY_SECONDS} seconds"
        ) from None
    if not length:
        raise Refusal(HTTPStatus.BAD_REQUEST, "the body is empty; send the bytes of a picture")
    declared = declared_length(request)
    if declared is not None and declared != length:
        raise Refusal(
            HTTPStatus.BAD_REQUEST, f"the body has {length} bytes, the header Content-Length says {declared}"
        )
    return b"".join(chunks)


async def discard(request: Request) -> None:
    """Read what a refused request still sends: most clients read no answer before they have sent all."""
    length = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                length += len(chunk)
                if length > DISCARDED:
                    return
    except (TimeoutError, ClientDisconnect, RuntimeError):  # RuntimeError: it was read to its end before
        return


def answer_type(accept: str | None) -> str:
    """Return which content type answers a header ``Accept``: JSON unless named predictions are preferred.

    Raises
    ------
    Refusal
        406: neither is accepted.
    """
    weights = {PREDICTIONS: 0.0, JSON: 0.0}
    for part in (accept or JSON).split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = _weight(parameters)
        if kind == PREDICTIONS:
            weights[PREDICTIONS] = weight
        elif kind in (JSON, "application/*", "*/*"):
            weights[JSON] = max(weights[JSON], weight)
    best = max(weights, key=lambda kind: weights[kind])  # of equals the one that only its name selects
    if weights[best] <= 0:
        raise Refusal(
            HTTPStatus.NOT_ACCEPTABLE,
            f"accept {(accept or '')[:80]!r} is not served; use {JSON} or {PREDICTIONS}",
        )
    return best


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0


def _too_large(what: str) -> Refusal:
    return Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{what} is too large: at most {BODY_LIMIT} bytes are accepted"
    )
