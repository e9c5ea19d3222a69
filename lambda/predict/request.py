"""From an event to what it asks for: where the photo is, and how to answer."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

from answer import PREDICTIONS, Refusal
from picture import LARGEST, too_large

MOST_NAMED = 133
NAMED_BY_DEFAULT = 5
_SOURCES = ("url", "s3", "image")
_ONE_OF = 'give one of "url" (https://…), "s3" (s3://…) or "image" (base64)'


@dataclass(frozen=True)
class Request:
    """One photo to predict.

    Exactly one of `url`, `key` (of an object in the inbox) and `image` is set; `top` is how many named
    predictions are wanted, None for the logits.
    """

    url: str | None = None
    key: str | None = None
    image: bytes | None = None
    top: int | None = None

    @property
    def source(self) -> str:
        """Where the photo comes from, for the log."""
        return "url" if self.url is not None else "s3" if self.key is not None else "image"


def parse(event: Any, inbox: str) -> Request:
    """Read an event: a plain one, or a proxy event of a function URL or API Gateway (payload 1.0 or 2.0).

    Parameters
    ----------
    inbox
        ``s3://bucket/prefix/``, below which photos may lie; empty if there is none.

    Raises
    ------
    Refusal
        4xx for everything that is none of these.
    """
    if not isinstance(event, dict):
        raise Refusal(400, f"the event must be an object: {_ONE_OF}")
    if isinstance(event.get("requestContext"), dict) or "httpMethod" in event:
        return _proxied(event, inbox)
    return _plain(event, inbox)


def _plain(event: dict[str, Any], inbox: str) -> Request:
    given = [name for name in _SOURCES if event.get(name) is not None]
    if len(given) != 1:
        raise Refusal(400, _ONE_OF)
    value, top = event[given[0]], _top(event.get("top"))
    if not isinstance(value, str):
        raise Refusal(400, f'"{given[0]}" must be text')
    if given[0] == "url":
        return Request(url=value, top=top)
    if given[0] == "s3":
        return Request(key=_inbox_key(value, inbox), top=top)
    return Request(image=_decode(value), top=top)


def _proxied(event: dict[str, Any], inbox: str) -> Request:
    context = event.get("requestContext")
    http = context.get("http") if isinstance(context, dict) else None
    method = http.get("method") if isinstance(http, dict) else event.get("httpMethod")
    if method != "POST":
        raise Refusal(405, "send the photo with POST")
    headers = _lower_names(event.get("headers"))
    body = _body(event)
    if _is_photo(body, headers.get("content-type", "")):
        request = Request(image=body, top=_top(_lower_names(event.get("queryStringParameters")).get("top")))
    else:
        request = _plain(_object(body), inbox)
    if request.top is None and PREDICTIONS in headers.get("accept", ""):
        return Request(request.url, request.key, request.image, NAMED_BY_DEFAULT)
    return request


def _is_photo(body: bytes, content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    # Proxies pass a raw body on as application/octet-stream or without a type; JSON begins with a brace.
    return kind.startswith("image/") or not (kind.endswith("json") or body.lstrip()[:1] == b"{")


def _lower_names(headers: Any) -> dict[str, str]:
    if not isinstance(headers, dict):
        return {}
    return {str(name).lower(): value for name, value in headers.items() if isinstance(value, str)}


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body")
    if not isinstance(body, str) or not body:
        raise Refusal(400, f"the body is empty: send a photo, or JSON: {_ONE_OF}")
    return _decode(body) if event.get("isBase64Encoded") is True else body.encode("utf-8", "replace")


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "the body is not JSON") from error
    if not isinstance(value, dict):
        raise Refusal(400, f"the body must be a JSON object: {_ONE_OF}")
    return value


def _decode(text: str) -> bytes:
    if (
        len(text) > LARGEST * 4 // 3 + 1024 * 64
    ):  # line breaks allowed for; the exact limit is the photo's own
        raise too_large()
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refusal(400, "the image is not valid base64") from error


def _top(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,3}", value, re.ASCII):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_NAMED:
        raise Refusal(400, f'"top" must be a whole number from 1 to {MOST_NAMED}')
    return value


def _inbox_key(location: str, inbox: str) -> str:
    if not inbox:
        raise Refusal(400, "this function has no inbox: give a url or an image")
    prefix = inbox.removeprefix("s3://").partition("/")[2]
    name = location.removeprefix(inbox)
    if not location.startswith(inbox) or not name:
        raise Refusal(400, f"the s3 location must lie in this function's inbox, below {prefix}")
    if not name.isprintable() or len(f"{prefix}{name}".encode("utf-8", "replace")) > 1024:
        raise Refusal(400, "the s3 location is not the key of a photo")
    return f"{prefix}{name}"
