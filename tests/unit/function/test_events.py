"""Parsing events: direct ones and those of proxies."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

INBOX = "s3://photos/inbox/"


def url_event(body: bytes | str, content_type: str = "", accept: str = "*/*", **more: Any) -> dict[str, Any]:
    """Return a function URL's event (payload 2.0), as AWS documents it."""
    raw = isinstance(body, bytes)
    return {
        "version": "2.0",
        "rawPath": "/",
        "headers": {"content-type": content_type, "accept": accept},
        "requestContext": {"http": {"method": "POST", "path": "/"}, "requestId": "r"},
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": raw,
        **more,
    }


def gateway_event(body: str, **more: Any) -> dict[str, Any]:
    """Return a REST API's proxy event (payload 1.0)."""
    return {
        "httpMethod": "POST",
        "headers": {"Content-Type": "application/json"},
        "requestContext": {"requestId": "r"},
        "body": body,
        "isBase64Encoded": False,
        **more,
    }


def test_a_url(modules: Any) -> None:
    request = modules["events"].parse({"url": "https://a.example/x.jpg"}, INBOX)
    assert (request.url, request.source, request.top) == ("https://a.example/x.jpg", "url", None)


def test_an_object_of_the_inbox(modules: Any) -> None:
    request = modules["events"].parse({"s3": f"{INBOX}a b/é.jpg", "top": 3}, INBOX)
    assert (request.key, request.source, request.top) == ("inbox/a b/é.jpg", "s3", 3)


def test_an_image_in_base64_with_line_breaks(modules: Any, photo: bytes) -> None:
    request = modules["events"].parse({"image": base64.encodebytes(photo * 20).decode()}, INBOX)
    assert (request.image, request.source) == (photo * 20, "image")


@pytest.mark.parametrize("event_of", [url_event, gateway_event])
def test_json_through_a_proxy(modules: Any, event_of: Any) -> None:
    event = event_of(json.dumps({"url": "https://a.example/x.jpg", "top": 2}))
    request = modules["events"].parse(event, INBOX)
    assert (request.url, request.top) == ("https://a.example/x.jpg", 2)


@pytest.mark.parametrize("content_type", ["image/jpeg", "application/octet-stream", "Image/PNG; x=y", ""])
def test_a_raw_photo_through_a_proxy(modules: Any, photo: bytes, content_type: str) -> None:
    event = url_event(photo, content_type, queryStringParameters={"top": "4"})
    request = modules["events"].parse(event, INBOX)
    assert (request.image, request.top) == (photo, 4)


def test_json_that_a_proxy_encoded(modules: Any) -> None:
    event = url_event(b'{"url": "https://a.example/"}', "application/json; charset=utf-8")
    assert modules["events"].parse(event, INBOX).url == "https://a.example/"


def test_the_accept_header_asks_for_names(modules: Any, photo: bytes) -> None:
    event = url_event(photo, "image/jpeg", "application/vnd.kennel.predictions+json, */*;q=0.1")
    assert modules["events"].parse(event, INBOX).top == 5


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (None, 400),
        ([], 400),
        ("https://a.example/", 400),
        ({}, 400),
        ({"url": None}, 400),
        ({"url": 5}, 400),
        ({"url": "https://a", "image": "aaaa"}, 400),
        ({"image": "no base64!"}, 400),
        ({"image": "é"}, 400),
        ({"image": "A" * 8_000_000}, 413),
        ({"s3": "s3://other/inbox/a.jpg"}, 400),
        ({"s3": "s3://photos/datasets/a.jpg"}, 400),
        ({"s3": "s3://photos/inbox/"}, 400),
        ({"s3": "s3://photos/inboxes/a.jpg"}, 400),
        ({"s3": "photos/inbox/a.jpg"}, 400),
        ({"s3": "s3://photos/inbox/a\x00.jpg"}, 400),
        ({"s3": "s3://photos/inbox/" + "a" * 1100}, 400),
        ({"url": "https://a", "top": 0}, 400),
        ({"url": "https://a", "top": 134}, 400),
        ({"url": "https://a", "top": True}, 400),
        ({"url": "https://a", "top": 1.5}, 400),
        ({"url": "https://a", "top": "٣"}, 400),
        (gateway_event("{}", httpMethod="GET"), 405),
        ({"requestContext": {"http": {"method": "DELETE"}}}, 405),
        ({"httpMethod": "POST"}, 400),
        (gateway_event(""), 400),
        (gateway_event("[1]"), 400),
        (gateway_event("{nonsense"), 400),
        (gateway_event("[" * 100_000), 400),
        (gateway_event("%%%", isBase64Encoded=True), 400),
    ],
)
def test_an_unusable_event_is_a_client_error(
    modules: Any, prediction_error: Any, event: Any, status: int
) -> None:
    with pytest.raises(prediction_error) as caught:
        modules["events"].parse(event, INBOX)
    assert caught.value.status == status


def test_without_an_inbox_no_object_is_read(modules: Any, prediction_error: Any) -> None:
    with pytest.raises(prediction_error, match="no inbox"):
        modules["events"].parse({"s3": "s3://photos/inbox/a.jpg"}, "")
