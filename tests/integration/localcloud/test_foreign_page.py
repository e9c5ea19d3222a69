"""Pages of other origins in a headless Chromium: nothing is read, written or invoked.

The pages even have addresses that the operator has signed, as from a log: only their origin is against them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from kennel.localcloud import OPERATOR_ACCESS_KEY, lifecycle
from kennel.report import screenshot

from . import wire
from .conftest import Client, operator_secret, read_audit_log

pytestmark = pytest.mark.skipif(
    screenshot.find_chromium() is None, reason="no Chromium here: apt-get install chromium"
)
BUCKET, SECRET = "of-the-operator", "the operator's own"
OTHER_SITE, REBOUND = "attacker.example", "rebound.example"
# What a page can send by itself, in JavaScript: each sends one request to `url`.
WAYS = {
    "fetch": "fetch(url, {method, body})",
    "fetch without CORS": "fetch(url, {method, body, mode: 'no-cors'})",
    "fetch with credentials": "fetch(url, {method, body, mode: 'no-cors', credentials: 'include'})",
    "request": "{const sent = new XMLHttpRequest(); sent.open(method, url); sent.send(body)}",
    "image": "new Image().src = url",
    "script": "document.body.append(Object.assign(document.createElement('script'), {src: url}))",
    "style": "document.head.append("
    "Object.assign(document.createElement('link'), {rel: 'stylesheet', href: url}))",
    "frame": "document.body.append(Object.assign(document.createElement('iframe'), {src: url}))",
    "form": """{
        const form = Object.assign(document.createElement('form'), {action: url, method, target: 'shown'});
        document.body.append(Object.assign(document.createElement('iframe'), {name: 'shown'}), form);
        form.enctype = 'text/plain';
        form.append(Object.assign(document.createElement('input'), {name: 'x', value: body}));
        form.submit()}""",
    "beacon": "navigator.sendBeacon(url, body)",
    "link": "document.body.append(Object.assign(document.createElement('a'), {href: url, id: 'link'})) "
    "|| document.querySelector('#link').click()",
    "redirection": "fetch('/to?' + url, {method, body, mode: 'no-cors'})",
}
# Whose answers a browser keeps from the page, and from this test, as they do not allow its origin.
KEPT_BACK = {"fetch", "request"}
ONLY_GET, ONLY_POST = {"image", "script", "style", "frame", "link"}, {"form", "beacon"}
# Another site; and the same site, at another port, whose requests browsers mark as less foreign.
PAGES = [
    *((way, OTHER_SITE) for way in WAYS),
    *((way, "127.0.0.1") for way in ("fetch without CORS", "form", "link")),
]


class _Page(BaseHTTPRequestHandler):
    """An empty page, and redirections that keep the method and the body."""

    def do_GET(self) -> None:
        start, _, target = self.path.partition("?")
        if start == "/to":
            self.send_response(307)
            self.send_header("Location", target)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>foreign</title><link rel=icon href=data:,><body>")

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing."""


@dataclass(frozen=True)
class Signed:
    """Addresses that the operator has signed, for requests that need no other header."""

    read: str
    create: str
    invoke: str
    write: str


@pytest.fixture(scope="module")
def signed(service: lifecycle.Status, client: Client) -> Iterator[Signed]:
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="k", Body=SECRET.encode())
    keys = wire.Keys(OPERATOR_ACCESS_KEY, operator_secret(service))
    host = f"127.0.0.1:{service.port}"

    def address(name: str, method: str, target: str) -> str:
        return f"http://{host}{wire.by_query(keys, name, method, target, {'Host': host})}"

    yield Signed(
        read=address("s3", "GET", f"/{BUCKET}/k"),
        create=address("iam", "GET", "/?Action=CreateUser&UserName=of-a-page&Version=2010-05-08"),
        invoke=address("lambda", "POST", "/2015-03-31/functions/f/invocations"),
        write=address("s3", "PUT", f"/{BUCKET}/written"),
    )
    for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    s3.delete_bucket(Bucket=BUCKET)


@pytest.fixture(scope="module")
def foreign_port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    # A name of the attacker's that resolves to 127.0.0.1, as by DNS rebinding.
    with screenshot.browser("--host-resolver-rules=MAP *.example 127.0.0.1") as chromium:
        yield chromium


@pytest.fixture(scope="module")
def page(browser: Any) -> Any:
    """One page for all: a process for each takes longer than its requests."""
    return browser.new_context().new_page()


def sent(page: Any, page_url: str, way: str, url: str, method: str) -> int | None:
    """Let a page send a request; return the status of its answer, None if the browser keeps it back."""
    ends: list[int | None] = []

    def answered(answer: Any) -> None:
        if answer.url == url:
            ends.append(answer.status)

    def failed(request: Any) -> None:
        if request.url == url:
            ends.append(None)

    own = page.context.browser.new_context() if way == "link" else None  # the page is left by it
    page = own.new_page() if own else page
    page.goto(page_url)
    page.on("response", answered)
    page.on("requestfailed", failed)
    try:
        body = None if method == "GET" else "x"
        page.evaluate(
            f"([url, method, text]) => {{ const body = text ?? undefined; {WAYS[way]} }}", [url, method, body]
        )
        for _ in range(1000):
            if ends:
                return ends[0]
            page.wait_for_timeout(20)
        raise AssertionError(f"the page sent nothing by {way}")
    finally:
        page.remove_listener("response", answered)
        page.remove_listener("requestfailed", failed)
        if own:
            own.close()


@pytest.mark.parametrize(("way", "page_host"), PAGES)
def test_a_page_of_another_origin_gets_nothing(
    way: str, page_host: str, page: Any, signed: Signed, foreign_port: int, service: Any, client: Client
) -> None:
    before = len(read_audit_log(service))
    page_url = f"http://{page_host}:{foreign_port}/"
    for url, method in ((signed.create, "GET"), (signed.read, "GET"), (signed.invoke, "POST")):
        if way not in (ONLY_POST if method == "GET" else ONLY_GET):
            assert sent(page, page_url, way, url, method) == (None if way in KEPT_BACK else 403)
    decisions = [entry for entry in read_audit_log(service)[before:] if entry["decision"] != "deny"]
    assert decisions == []
    assert "of-a-page" not in {user["UserName"] for user in client("iam").list_users()["Users"]}


def test_a_page_that_came_under_another_name_gets_nothing(
    browser: Any, signed: Signed, service: Any, client: Client
) -> None:
    """DNS rebinding: the page and the local cloud have one origin, by a name that is the attacker's."""
    page = browser.new_page()
    for host in (REBOUND, f"127.0.0.1.{REBOUND}"):
        origin = f"http://{host}:{service.port}"
        answer = page.goto(origin)
        assert answer.status == 403
        for url, method in ((signed.read, "GET"), (signed.write, "PUT"), (signed.create, "GET")):
            path = url.partition(f":{service.port}")[2]
            status, text = page.evaluate(
                "async ([path, method]) => { const answer = await fetch(path, {method}); "
                "return [answer.status, await answer.text()] }",
                [path, method],
            )
            assert (status, SECRET in text) == (403, False)
    page.close()
    assert [item["Key"] for item in client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]] == ["k"]


def test_a_page_is_not_let_write_by_a_method_that_browsers_ask_about(
    page: Any, signed: Signed, foreign_port: int, client: Client
) -> None:
    page_url = f"http://{OTHER_SITE}:{foreign_port}/"
    assert sent(page, page_url, "fetch", signed.write, "PUT") is None
    assert [item["Key"] for item in client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]] == ["k"]


def test_a_page_that_the_bucket_s_cors_names_reads_and_writes_its_objects_only(
    page: Any, signed: Signed, foreign_port: int, client: Client
) -> None:
    page_url, s3 = f"http://{OTHER_SITE}:{foreign_port}/", client("s3")
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": [page_url.rstrip("/")]}
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})
    try:
        assert sent(page, page_url, "fetch", signed.read, "GET") == 200
        assert sent(page, page_url, "fetch", signed.write, "PUT") is None
        rule["AllowedMethods"] = ["GET", "PUT"]
        s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})
        assert sent(page, page_url, "fetch", signed.write, "PUT") == 200
        assert sent(page, page_url, "fetch", signed.create, "GET") is None
        assert sent(page, page_url, "fetch without CORS", signed.invoke, "POST") == 403
        assert sent(page, f"http://127.0.0.1:{foreign_port}/", "fetch", signed.read, "GET") is None
    finally:
        s3.delete_bucket_cors(Bucket=BUCKET)
        s3.delete_object(Bucket=BUCKET, Key="written")


def test_the_addresses_are_good_outside_a_page(signed: Signed, service: Any, client: Client) -> None:
    """So that the tests above have tested the page's origin, not a wrong signature."""
    host = [("Host", f"127.0.0.1:{service.port}")]

    def send(method: str, url: str) -> tuple[int, bytes]:
        return wire.send(service.port, method, url.partition(f":{service.port}")[2], host, b"")

    assert send("GET", signed.read) == (200, SECRET.encode())
    assert send("GET", signed.create)[0] == 200
    client("iam").delete_user(UserName="of-a-page")
    assert send("PUT", signed.write)[0] == 200
    status, content = send("POST", signed.invoke)
    assert (status, json.loads(content)["Type"]) == (404, "User")
