"""Websites of buckets: documents, errors and redirections, for what everybody may read and nothing else."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kennel.localcloud import lifecycle

from .conftest import Client, document, refusal

SITE = "site-of-tests"
Ask = Callable[..., tuple[int, str, bytes]]


@pytest.fixture(scope="module")
def s3(client: Client) -> Iterator[Any]:
    s3 = client("s3")
    s3.create_bucket(Bucket=SITE)
    resource = f"arn:aws:s3:::{SITE}/*"
    hidden = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"{resource[:-1]}hidden",
    }
    public = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": resource}
    s3.put_bucket_policy(Bucket=SITE, Policy=document(public, hidden))
    for key in ("index.html", "docs/index.html", "a b.html", "hidden"):
        s3.put_object(Bucket=SITE, Key=key, Body=f"<p>{key}".encode(), ContentType="text/html")
    s3.put_object(Bucket=SITE, Key="moved", WebsiteRedirectLocation="/docs/")
    return s3


@pytest.fixture(scope="module")
def ask(service: lifecycle.Status) -> Ask:
    def ask(
        path: str, method: str = "GET", host: str = f"{SITE}.s3-website.us-east-1.localhost", **headers: str
    ) -> tuple[int, str, bytes]:
        """Return the status, the location or else the content type, and the body."""
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers={"Host": f"{host}:{service.port}", **named})
            response = connection.getresponse()
            shown = response.headers.get("Location") or response.headers.get("Content-Type", "")
            return response.status, shown, response.read()
        finally:
            connection.close()

    return ask


def configure(s3: Any, **settings: Any) -> None:
    website = {"IndexDocument": {"Suffix": "index.html"}, **settings}
    s3.put_bucket_website(Bucket=SITE, WebsiteConfiguration=website)


def test_documents_are_served(s3: Any, ask: Ask) -> None:
    configure(s3)
    assert ask("/") == (200, "text/html", b"<p>index.html")
    assert ask("/", host=f"{SITE}.s3-website-us-east-1.amazonaws.com")[0] == 200
    assert ask("/docs/?a=b")[2] == b"<p>docs/index.html"
    assert ask("/docs") == (302, "/docs/", b"")
    assert ask("/a%20b.html")[2] == b"<p>a b.html"
    assert ask("/a%20b.html", "HEAD") == (200, "text/html", b"")
    assert ask("/moved") == (301, "/docs/", b"")
    copied = {"Bucket": SITE, "CopySource": f"{SITE}/moved"}
    s3.copy_object(**copied, Key="copied")
    assert ask("/copied")[0] == 200  # a copy has no redirection of its source
    s3.copy_object(**copied, Key="copied", WebsiteRedirectLocation="/a")
    assert ask("/copied")[:2] == (301, "/a")
    assert ask("/a%20b.html", Range="bytes=0-1")[::2] == (206, b"<p")


def test_what_cannot_be_read_is_an_error_document(s3: Any, ask: Ask) -> None:
    configure(s3)
    status, kind, body = ask("/hidden")
    assert (status, kind.startswith("text/html"), b"Code: AccessDenied" in body) == (403, True, True)
    status, _, body = ask("/%3Cscript%3E")
    assert (status, b"<script>" in body) == (
        403,
        False,
    )  # who may not list a bucket does not learn what is there
    s3.put_object(Bucket=SITE, Key="error.html", Body=b"<p>error", ContentType="text/html")
    configure(s3, ErrorDocument={"Key": "error.html"})
    assert ask("/hidden") == (403, "text/html", b"<p>error")


def test_requests_are_redirected_by_rules(s3: Any, ask: Ask) -> None:
    rules = [
        {"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "docs/"}},
        {
            "Condition": {"HttpErrorCodeReturnedEquals": "403"},
            "Redirect": {
                "HostName": "a.example",
                "Protocol": "https",
                "ReplaceKeyWith": "x",
                "HttpRedirectCode": "302",
            },
        },
    ]
    configure(s3, RoutingRules=rules)
    status, location, _ = ask("/old/a%20b")
    assert (status, location.rpartition(":")[2].partition("/")[2]) == (301, "docs/a%20b")
    assert ask("/hidden")[:2] == (302, "https://a.example/x")
    assert ask("/docs/")[0] == 200
    everything = {"HostName": "b.example", "Protocol": "https"}
    s3.put_bucket_website(Bucket=SITE, WebsiteConfiguration={"RedirectAllRequestsTo": everything})
    assert ask("/docs/")[:2] == (301, "https://b.example/docs/")
    assert s3.get_bucket_website(Bucket=SITE)["RedirectAllRequestsTo"] == everything


def test_a_website_is_read_only_and_nothing_else_is_at_its_address(s3: Any, ask: Ask) -> None:
    configure(s3)
    for method in ("PUT", "POST", "DELETE", "OPTIONS"):
        assert ask("/index.html", method)[0] == 405
    for path in ("/_kennel/status", "/_kennel/audit-log", "/latest/meta-data/", "/?list-type=2", "/?policy"):
        status, _, body = ask(path)
        assert (status, body) in ((403, body), (200, b"<p>index.html"))
        assert b"pid" not in body
    assert ask("/", Origin="https://evil.example")[0] == 403
    assert ask("/", Sec_Fetch_Site="cross-site")[0] == 403
    assert ask("/", x_amz_target="SageMaker.ListModels")[2] == b"<p>index.html"
    assert ask("/", host="site-of-nobody.s3-website.us-east-1.localhost")[0] == 404
    s3.delete_bucket_website(Bucket=SITE)
    status, _, body = ask("/")
    assert (status, b"NoSuchWebsiteConfiguration" in body) == (404, True)


def test_a_configuration_is_checked(s3: Any) -> None:
    def put(**settings: Any) -> tuple[int, str]:
        return refusal(s3.put_bucket_website, Bucket=SITE, WebsiteConfiguration=settings)

    index = {"IndexDocument": {"Suffix": "index.html"}}
    assert put() == (400, "InvalidArgument")
    assert put(IndexDocument={"Suffix": "a/b"}) == (400, "InvalidArgument")
    assert put(**index, RedirectAllRequestsTo={"HostName": "a.example"}) == (400, "InvalidRequest")
    assert put(RedirectAllRequestsTo={"HostName": "a.example\r\nx: y"}) == (400, "MalformedXML")
    assert put(**index, RoutingRules=[{"Redirect": {"HttpRedirectCode": "300"}}]) == (400, "InvalidRequest")
    both = {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}
    assert put(**index, RoutingRules=[{"Redirect": both}]) == (400, "InvalidRequest")
