"""Signatures: AWS's published examples verify, and nothing that was changed after signing does."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kennel.localcloud.protocol import signature_rules
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.protocol.signature import read_signature
from kennel.localcloud.protocol.sigv4 import verify

S3_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
S3_HEADERS = {"Host": "examplebucket.s3.amazonaws.com", "X-Amz-Date": "20130524T000000Z"}
EMPTY = hashlib.sha256(b"").hexdigest()
SUITE_SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SUITE_HEADERS = {"Host": "example.amazonaws.com", "X-Amz-Date": "20150830T123600Z"}


def environ_of(method: str, target: str, headers: dict[str, str]) -> dict[str, Any]:
    """Return a request as the HTTP server hands it to the gateway."""
    environ = {
        "REQUEST_METHOD": method,
        "RAW_URI": target,
        "QUERY_STRING": target.partition("?")[2],
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ


def signed(
    scope: str, method: str, target: str, headers: dict[str, str], signature: str, names: str = ""
) -> dict[str, Any]:
    """Return a request with a signature over given headers; all of them by default."""
    names = names or ";".join(sorted(name.lower() for name in headers))
    authorization = (
        f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return environ_of(method, target, {**headers, "Authorization": authorization})


def check(environ: dict[str, Any], secret: str, body: bytes | None = b"") -> None:
    signature = read_signature(environ)
    assert signature is not None
    verify(signature, secret, environ, body)


UPLOAD_HEADERS = {
    "Date": "Fri, 24 May 2013 00:00:00 GMT",
    "X-Amz-Content-Sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
    "X-Amz-Storage-Class": "REDUCED_REDUNDANCY",
}
# Amazon S3 API reference, "Signature calculations for the Authorization header" (also for chunked uploads).
S3_EXAMPLES: dict[str, tuple[str, str, dict[str, str], str]] = {
    "an object's range": (
        "GET",
        "/test.txt",
        {"Range": "bytes=0-9", "X-Amz-Content-Sha256": EMPTY},
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "a key with a dollar sign": (
        "PUT",
        "/test%24file.text",
        UPLOAD_HEADERS,
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    "the same key, sent without its %-escape": (
        "PUT",
        "/test$file.text",
        UPLOAD_HEADERS,
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    "a query without a value": (
        "GET",
        "/?lifecycle",
        {"X-Amz-Content-Sha256": EMPTY},
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    "a query in another order than signed": (
        "GET",
        "/?prefix=J&max-keys=2",
        {"X-Amz-Content-Sha256": EMPTY},
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
}


@pytest.mark.parametrize("example", S3_EXAMPLES)
def test_the_examples_of_the_s3_api_reference_verify(example: str) -> None:
    method, target, headers, signature = S3_EXAMPLES[example]
    environ = signed("20130524/us-east-1/s3", method, target, {**S3_HEADERS, **headers}, signature)
    check(environ, S3_SECRET, b"" if method == "GET" else None)
    with pytest.raises(AwsError) as refused:
        check(environ, S3_SECRET + "x")
    assert (refused.value.code, refused.value.status) == ("SignatureDoesNotMatch", 403)


def test_a_chunked_upload_verifies_by_its_seed_signature() -> None:
    headers = {
        **S3_HEADERS,
        "Host": "s3.amazonaws.com",
        "Content-Encoding": "aws-chunked",
        "Content-Length": "66824",
        "X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "X-Amz-Decoded-Content-Length": "66560",
        "X-Amz-Storage-Class": "REDUCED_REDUNDANCY",
    }
    signature = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    target = "/examplebucket/chunkObject.txt"
    check(signed("20130524/us-east-1/s3", "PUT", target, headers, signature), S3_SECRET, None)
    headers["X-Amz-Decoded-Content-Length"] = "66561"
    with pytest.raises(AwsError):
        check(signed("20130524/us-east-1/s3", "PUT", target, headers, signature), S3_SECRET, None)


PRESIGNED = (
    "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1"
    "%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
)


def test_a_presigned_url_verifies_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = environ_of("GET", PRESIGNED, {"Host": "examplebucket.s3.amazonaws.com"})
    signed_at = 1_369_353_600  # 2013-05-24T00:00:00Z
    monkeypatch.setattr("time.time", lambda: signed_at + 86_400)
    check(environ, S3_SECRET)
    signature = read_signature(environ)
    assert signature is not None
    signature_rules.check(signature, environ)
    monkeypatch.setattr("time.time", lambda: signed_at + 86_401)
    with pytest.raises(AwsError, match="Request has expired"):
        signature_rules.check(signature, environ)


@pytest.mark.parametrize(
    ("part", "changed"),
    [("/test.txt", "/test2.txt"), ("Expires=86400", "Expires=86401"), ("=host", "=host;range")],
)
def test_a_changed_presigned_url_is_refused(part: str, changed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_369_353_600)
    assert part in PRESIGNED
    environ = environ_of("GET", PRESIGNED.replace(part, changed), {"Host": "examplebucket.s3.amazonaws.com"})
    with pytest.raises(AwsError) as refused:
        check(environ, S3_SECRET)
    assert refused.value.code == "SignatureDoesNotMatch"


# The Signature Version 4 test suite, service "service": paths are normalised and encoded once more.
SUITE: dict[str, tuple[str, str, dict[str, str], str]] = {
    "get-vanilla": ("GET", "/", {}, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    "get-relative": (
        "GET",
        "/example/..",
        {},
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    "get-slashes": (
        "GET",
        "//example//",
        {},
        "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
    ),
    "get-vanilla-query-order-key": (
        "GET",
        "/?Param1=value2&Param1=Value1",
        {},
        "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1",
    ),
    "get-header-value-trim": (
        "GET",
        "/",
        {"My-Header1": "  value1 ", "My-Header2": ' "a   b   c" '},
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    "post-x-www-form-urlencoded": (
        "POST",
        "/",
        {"Content-Type": "application/x-www-form-urlencoded"},
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
}


def presigned_by_version_2(**parameters: str) -> str:
    """Return the address that boto3 signs for S3 in us-east-1 unless it is set otherwise."""
    s3 = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key=S3_SECRET
    )
    url: str = s3.generate_presigned_url(
        "put_object", {"Bucket": "b", "Key": "k", **parameters}, ExpiresIn=60
    )
    return "/k?" + url.partition("?")[2]


def test_an_address_of_version_2_verifies_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    target, signed_at = presigned_by_version_2(ContentType="text/plain"), time.time()
    environ = {**environ_of("PUT", target, {"Content-Type": "text/plain"}), "RAW_URI": "/b" + target}
    signature = read_signature(environ)
    assert signature is not None

    for later in (10, 50):
        monkeypatch.setattr(time, "time", lambda later=later: signed_at + later)
        signature_rules.check(signature, environ)
        verify(signature, S3_SECRET, environ, b"x")
    monkeypatch.setattr(time, "time", lambda: signed_at + 70)
    with pytest.raises(AwsError, match="Request has expired"):
        signature_rules.check(signature, environ)


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/html"}])
def test_a_header_that_an_address_of_version_2_repeats_is_its_own(headers: dict[str, str]) -> None:
    environ = environ_of("PUT", presigned_by_version_2(ContentType="text/plain"), headers)
    signature = read_signature(environ)
    assert signature is not None

    with pytest.raises(AwsError, match="does not cover these parameters of the query: content-type"):
        signature_rules.check(signature, environ)


@pytest.mark.parametrize("example", SUITE)
def test_the_signature_version_4_test_suite_verifies(example: str) -> None:
    method, target, headers, signature = SUITE[example]
    body = b"Param1=value1" if method == "POST" else b""
    environ = signed("20150830/us-east-1/service", method, target, {**SUITE_HEADERS, **headers}, signature)
    check(environ, SUITE_SECRET, body)
    with pytest.raises(AwsError) as refused:
        check(environ, SUITE_SECRET, body + b" ")
    assert (refused.value.code, refused.value.status) == ("InvalidSignatureException", 403)


def sign(
    method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], payload_hash: str
) -> str:
    """Return a signature for S3, computed as the user guide describes, over any headers.

    Source: IAM user guide, "Create a signed AWS API request".
    """
    canonical = "\n".join(
        [
            method,
            quote(path, safe="/-_.~"),
            "&".join(
                f"{name}={value}"
                for name, value in sorted(
                    (quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query
                )
            ),
            *(f"{name}:{' '.join(headers[name].split())}" for name in sorted(headers)),
            "",
            ";".join(sorted(headers)),
            payload_hash,
        ]
    )
    text = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            "20130524T000000Z",
            "20130524/us-east-1/s3/aws4_request",
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{S3_SECRET}".encode()
    for part in ("20130524", "us-east-1", "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


@pytest.mark.parametrize(
    "more",
    [
        {"user-agent": "aws-sdk-java/2.0", "x-amzn-trace-id": "Root=1", "expect": "100-continue"},
        {"transfer-encoding": "chunked"},
        {"content-length": "0", "content-type": "text/plain;  charset=utf-8"},
        {"x-amz-meta-name": "", "accept-encoding": "identity"},
    ],
)
def test_every_header_that_is_named_is_verified(more: dict[str, str]) -> None:
    headers = {"host": "localhost", "x-amz-date": "20130524T000000Z", "x-amz-content-sha256": EMPTY, **more}
    signature = sign("GET", "/b/k", [], headers, EMPTY)
    check(signed("20130524/us-east-1/s3", "GET", "/b/k", headers, signature), S3_SECRET)
    for name in more:
        changed = {**headers, name: headers[name] + "x"}
        with pytest.raises(AwsError):
            check(signed("20130524/us-east-1/s3", "GET", "/b/k", changed, signature), S3_SECRET)


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)


@given(
    key=TEXT,
    query=st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=4),
    unescaped=st.sampled_from(["/~", "/~!$'()*,:;=@"]),
)
def test_paths_and_queries_verify_in_every_encoding(
    key: str, query: list[tuple[str, str]], unescaped: str
) -> None:
    headers = {
        "host": "localhost",
        "x-amz-date": "20130524T000000Z",
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    }
    signature = sign("GET", f"/bucket/{key}", query, headers, "UNSIGNED-PAYLOAD")
    text = "&".join(f"{quote(name, safe=unescaped[:1])}={quote(value, safe='/')}" for name, value in query)
    target = f"/bucket/{quote(key, safe=unescaped)}" + (f"?{text}" if text else "")
    check(signed("20130524/us-east-1/s3", "GET", target, headers, signature), S3_SECRET)
    with pytest.raises(AwsError):
        check(
            signed("20130524/us-east-1/s3", "GET", target.replace("/bucket/", "/other/"), headers, signature),
            S3_SECRET,
        )


def test_a_credential_of_another_day_is_refused() -> None:
    signature = SUITE["get-vanilla"][3]
    for scope in ("20150831/us-east-1/service", "20150830/eu-west-1/service", "20150830/us-east-1/other"):
        with pytest.raises(AwsError):
            check(signed(scope, "GET", "/", SUITE_HEADERS, signature), SUITE_SECRET)


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer x",
        "AWS4-HMAC-SHA256 Credential=key/20150830/us-east-1/s3/aws4_request, Signature=00",
        "AWS4-HMAC-SHA256 Credential=key/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00",
    ],
)
def test_an_authorization_header_that_cannot_be_read_is_refused(authorization: str) -> None:
    with pytest.raises(AwsError) as refused:
        read_signature(environ_of("GET", "/", {**SUITE_HEADERS, "Authorization": authorization}))
    assert (refused.value.code, refused.value.status) == ("IncompleteSignatureException", 403)


def test_an_unsigned_request_has_no_signature() -> None:
    assert read_signature(environ_of("GET", "/?Action=x", SUITE_HEADERS)) is None
