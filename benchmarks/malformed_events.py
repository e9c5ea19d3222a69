"""Malformed events for the function: direct ones, and those of its URL and of API Gateway."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

PHOTO = base64.b64encode(b"\xff\xd8\xff\xe0 not a photo, but it begins as one").decode()
DEEP = 100_000  # levels of nested JSON


class Event(NamedTuple):
    """An event, and the statuses that may answer it."""

    name: str
    event: Any
    expected: frozenset[int]


def events(inbox: str) -> Iterator[Event]:
    """Yield all events.

    Parameters
    ----------
    inbox
        ``s3://bucket/prefix/`` of the function's inbox.
    """
    yield from _named("direct", _direct(), {400})
    yield from _named("photo", _photos(), {400, 415})
    yield from _named("address", _addresses(), {400})
    yield from _named("inbox", _inbox(inbox), {400})
    yield from _named("inbox", [{"s3": f"{inbox}nowhere.jpg"}, {"s3": f"{inbox}../photo.jpg"}], {404})
    yield from _named("top", ({"image": PHOTO, "top": top} for top in _numbers()), {400})
    yield from _named("method", _methods(), {405})
    yield from _named("proxy", (_proxy(**parts) for parts in _bodies()), {400})
    yield from _named("proxy photo", (_proxy(**parts) for parts in _no_photos()), {400, 415})


def _named(kind: str, made: Any, expected: set[int]) -> Iterator[Event]:
    for number, event in enumerate(made, 1):
        yield Event(f"{kind}: {number}", event, frozenset(expected))


def _direct() -> list[Any]:
    """Return events that name no photo, or more than one."""
    several = {"url": "https://example.org/a.jpg", "image": PHOTO}
    return [
        *([], [1], "text", 5, 0, -1.5, True, None, {}, {"": ""}),
        *({"URL": "https://example.org/a.jpg"}, {"image": None}, {"body": PHOTO}, several),
        *({name: value} for name in ("url", "s3", "image") for value in (5, 1.5, True, [], {}, [PHOTO])),
        {"image": {"image": {"image": PHOTO}}},
        {str(number): number for number in range(10_000)},
    ]


def _photos() -> list[Any]:
    """Return events whose photo is none."""
    texts = [
        "",
        "!",
        "AAA",
        "====",
        "/9j",
        "äöü",
        "\x00",
        "\ud800",
        "data:image/jpeg;base64,/9j/",
        "A" * 10**6,
    ]
    return [{"image": text} for text in texts]


def _addresses() -> list[Any]:
    """Return events with addresses that the function must not ask."""
    addresses = [
        *(
            "",
            "x",
            "//",
            "https:",
            "https://",
            "https:///a.jpg",
            "http://example.org/a.jpg",
            "ftp://example.org",
        ),
        *("file:///etc/passwd", "gopher://127.0.0.1", "data:image/jpeg;base64,/9j/", "s3://bucket/key"),
        *("https://127.0.0.1/a.jpg", "https://[::1]/", "https://0.0.0.0/", "https://2130706433/"),
        *(
            "https://169.254.169.254/latest/meta-data/",
            "https://[::ffff:169.254.169.254]/",
            "https://10.0.0.1/",
        ),
        *(
            "https://localhost/",
            "https://a:b@192.168.0.1/",
            "https://user@example.org/",
            "https://[fe80::1%25lo]/",
        ),
        *("https://example.org:8443/", "https://example.org:99999/", "https://example.org:x/", "https://[/"),
        *("https://example.org/\r\nHost: a", "https://example.org/a b", "https://\ud800/", "https://%00/"),
        *("https://" + "a" * 3000, "https://a..b/", "https://" + "a" * 70 + ".org/", "https://\u2100.org/"),
    ]
    return [{"url": address} for address in addresses]


def _inbox(inbox: str) -> list[Any]:
    """Return events with objects that are not in the inbox, or that no object can be."""
    locations = [
        "",
        "x",
        "s3://",
        "s3://other/inbox/a.jpg",
        inbox,
        inbox[:-1],
        f"{inbox}\ud800",
        f"{inbox}\n",
    ]
    locations += [
        f"{inbox}{'a' * 1025}",
        inbox.replace("s3://", "S3://") + "a.jpg",
        "https://example.org/a.jpg",
    ]
    return [{"s3": location} for location in locations]


def _numbers() -> list[Any]:
    """Return what is no number of predictions."""
    return [0, -1, 134, 10**30, 1.5, 1e300, True, False, "", "x", "0", "-1", "1000", "٣", "1e2", [], [5], {}]


def _methods() -> list[Any]:
    """Return requests that do not post anything."""
    methods = ("GET", "PUT", "DELETE", "HEAD", "", "post", 5, None, [], {})
    first = [{"httpMethod": method, "body": PHOTO, "isBase64Encoded": True} for method in methods]
    second = [{"requestContext": {"http": {"method": method}}, "body": PHOTO} for method in methods]
    return [*first, *second, {"requestContext": {}}, {"requestContext": {"http": []}}]


def _proxy(**parts: Any) -> dict[str, Any]:
    """Return the event of a request to a function URL."""
    context = {"http": {"method": "POST", "path": "/"}}
    return {"version": "2.0", "rawPath": "/", "headers": {}, "requestContext": context, **parts}


def _bodies() -> Iterator[dict[str, Any]]:
    """Yield requests whose body is empty, garbage, or JSON that names no photo."""
    for body in (None, "", 5, [], {}, True):
        yield {"body": body}
    for body in ("!!!", "A", "\ud800", "{}", "/9j"):
        yield {"body": body, "isBase64Encoded": True}
    documents = [
        *(
            "NaN",
            "Infinity",
            "null",
            "true",
            "5",
            '"text"',
            "[]",
            "{",
            "}",
            "[1,",
            '{"image":',
            '{"image": NaN}',
        ),
        *(
            '{"image": 1e999}',
            '{"url": null}',
            '{"url": ["https://example.org"]}',
            '{"top": 5}',
            "{'image': 1}",
        ),
        *(
            '{"image": "/9j/", "top": 0}',
            '{"s3": "s3://other/a"}',
            '{"url": "https://127.0.0.1/"}',
            "\ufeff{}",
        ),
        *(
            '{"a": ' * DEEP,
            "[" * DEEP,
            '{"image": ' + "[" * DEEP + "]" * DEEP + "}",
            '{"n": ' + "9" * 5000 + "}",
        ),
        json.dumps({str(number): number for number in range(10_000)}),
    ]
    for document in documents:
        yield {"body": document, "headers": {"content-type": "application/json"}}
    for top in ("0", "x", "134", "٣"):
        query = {"queryStringParameters": {"top": top}, "headers": {"content-type": "image/jpeg"}}
        yield {"body": PHOTO, "isBase64Encoded": True, **query}


def _no_photos() -> Iterator[dict[str, Any]]:
    """Yield requests whose body is taken for a photo, and is none."""
    for headers in (
        [],
        "text",
        None,
        {"content-type": 5},
        {"content-type": "image/jpeg"},
        {"CONTENT-TYPE": "image/x"},
    ):
        yield {"body": "no photo", "headers": headers}
    for encoded in ("true", 1, [], {}):
        yield {"body": PHOTO, "isBase64Encoded": encoded}
    form = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n/9j/\r\n--b--'
    yield {"body": form, "headers": {"content-type": "multipart/form-data; boundary=b"}}
    yield {"body": "image=%2F9j%2F", "headers": {"content-type": "application/x-www-form-urlencoded"}}
    yield {"body": "<photo/>", "headers": {"content-type": "text/xml"}, "queryStringParameters": [1]}
    yield {"body": base64.b64encode(b"GIF89a").decode(), "isBase64Encoded": True}
