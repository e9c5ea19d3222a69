"""Parse events: where the photo is, and which form of prediction to return."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, NamedTuple

from http_response import PREDICTIONS, PredictionError
from photo_format import MAXIMUM_BYTES, too_large

MAXIMUM_TOP = 133
DEFAULT_TOP = 5
_SOURCES = ("url", "s3", "image")
_ONE_OF = 'give one of "url" (https://…), "s3" (s3://…) or "image" (base64)'


class PredictionRequest(NamedTuple):
    """One photo to predict.

    Exactly one of `url`, `key` (of an object in the inbox) and `image` is set; `top` is the number of named
    predictions to return, None for the logits.
    """

    url: str | None = None
    key: str | None = None
    image: bytes | None = None
    top: int | None = None

    @property
    def source(self) -> str:
        """Where the photo comes from, for the log."""
        return "url" if self.url is not None else "s3" if self.key is not None else "image"


def parse(event: Any, inbox: str) -> PredictionRequest:
    """Parse an event: a direct one, or a proxy event of a function URL or API Gateway (payload 1.0 or 2.0).

    Parameters
    ----------
    inbox
        ``s3://bucket/prefix/`` of the inbox; empty if the function has none.

    Raises
    ------
    PredictionError
        4xx if the event has none of these forms.
    """
    if not isinstance(event, dict):
        raise PredictionError(400, f"the event must be an object: {_ONE_OF}")
    if isinstance(event.get("requestContext"), dict) or "httpMethod" in event:
        return _parse_proxy(event, inbox)
    return _parse_direct(event, inbox)


def _parse_direct(event: dict[str, Any], inbox: str) -> PredictionRequest:
    sources = [name for name in _SOURCES if event.get(name) is not None]
    if len(sources) != 1:
        raise PredictionError(400, _ONE_OF)
    value, top = event[sources[0]], _top(event.get("top"))
    if not isinstance(value, str):
        raise PredictionError(400, f'"{sources[0]}" must be text')
    if sources[0] == "url":
        return PredictionRequest(url=value, top=top)
    if sources[0] == "s3":
        return PredictionRequest(key=_inbox_key(value, inbox), top=top)
    return PredictionRequest(image=_decode(value), top=top)


def _parse_proxy(event: dict[str, Any], inbox: str) -> PredictionRequest:
    context = event.get("requestContext")
    http = context.get("http") if isinstance(context, dict) else None
    method = http.get("method") if isinstance(http, dict) else event.get("httpMethod")
    if method != "POST":
        raise PredictionError(405, "send the photo with POST")
    headers = _lower_names(event.get("headers"))
    body = _body(event)
    if _is_photo(body, headers.get("content-type", "")):
        request = PredictionRequest(
            image=body, top=_top(_lower_names(event.get("queryStringParameters")).get("top"))
        )
    else:
        request = _parse_direct(_json_object(body), inbox)
    if request.top is None and PREDICTIONS in headers.get("accept", ""):
        return PredictionRequest(request.url, request.key, request.image, DEFAULT_TOP)
    return request


def _is_photo(body: bytes, content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    # Proxies may forward a photo as application/octet-stream or without a type; JSON begins with a brace.
    return kind.startswith("image/") or not (kind.endswith("json") or body.lstrip()[:1] == b"{")


def _lower_names(headers: Any) -> dict[str, str]:
    if not isinstance(headers, dict):
        return {}
    return {str(name).lower(): value for name, value in headers.items() if isinstance(value, str)}


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body")
    if not isinstance(body, str) or not body:
        raise PredictionError(400, f"the body is empty: send a photo, or JSON: {_ONE_OF}")
    return _decode(body) if event.get("isBase64Encoded") is True else body.encode("utf-8", "replace")


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PredictionError(400, "the body is not JSON") from error
    if not isinstance(value, dict):
        raise PredictionError(400, f"the body must be a JSON object: {_ONE_OF}")
    return value


def _decode(text: str) -> bytes:
    # Allows for line breaks; the exact limit applies to the decoded photo.
    if len(text) > MAXIMUM_BYTES * 4 // 3 + 64 * 1024:
        raise too_large()
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise PredictionError(400, "the image is not valid base64") from error


def _top(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,3}", value, re.ASCII):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAXIMUM_TOP:
        raise PredictionError(400, f'"top" must be a whole number from 1 to {MAXIMUM_TOP}')
    return value


def _inbox_key(location: str, inbox: str) -> str:
    if not inbox:
        raise PredictionError(400, "this function has no inbox: give a url or an image")
    prefix = inbox.removeprefix("s3://").partition("/")[2]
    name = location.removeprefix(inbox)
    if not location.startswith(inbox) or not name:
        raise PredictionError(400, f"the s3 location must be in this function's inbox, below {prefix}")
    if not name.isprintable() or len(f"{prefix}{name}".encode("utf-8", "replace")) > 1024:
        raise PredictionError(400, "the s3 location is not the key of a photo")
    return f"{prefix}{name}"
