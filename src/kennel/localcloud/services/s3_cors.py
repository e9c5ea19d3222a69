"""S3: CORS of buckets: what pages of other origins may send to a bucket, and what they may read of it.

Sources: S3 user guide, "Using cross-origin resource sharing (CORS)"; S3 API reference, PutBucketCors,
"OPTIONS object".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.protocol import codec
from kennel.localcloud.protocol.messages import AwsError, Environ, Response
from kennel.localcloud.services.s3_access import malformed_xml

METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")
MOST_RULES = 100
VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


@dataclass(frozen=True)
class CorsRule:
    """One rule of a bucket's configuration; origins and headers have at most one wildcard each."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: str | None = None

    def lets(self, origin: str, method: str, headers: Iterable[str] = ()) -> bool:
        """Whether a page of an origin may send a method, with these headers (names in lower case)."""
        allowed = [each.lower() for each in self.headers]
        return (
            method in self.methods
            and any(_matches(each, origin) for each in self.origins)
            and all(any(_matches(each, header) for each in allowed) for header in headers)
        )

    def fields(self, origin: str, headers: Iterable[str] = ()) -> list[tuple[str, str]]:
        """Return the headers of a response that let a page of an origin read it.

        Parameters
        ----------
        headers
            Those that a preflight asks for, in lower case.
        """
        everybody = "*" in self.origins
        fields = {
            "Access-Control-Allow-Origin": "*" if everybody else origin,
            "Access-Control-Allow-Methods": ", ".join(self.methods),
            "Access-Control-Allow-Headers": ", ".join(headers),
            "Access-Control-Expose-Headers": ", ".join(self.exposed),
            "Access-Control-Max-Age": self.max_age,
            "Access-Control-Allow-Credentials": "" if everybody else "true",
            "Vary": VARY,
        }
        return [(name, value) for name, value in fields.items() if value]


def _matches(pattern: str, text: str) -> bool:
    head, wildcard, tail = pattern.partition("*")
    if not wildcard:
        return pattern == text
    return len(text) >= len(head) + len(tail) and text.startswith(head) and text.endswith(tail)


def bucket_of(environ: Environ) -> str:
    """Return the bucket that a request to S3 names in its host, or else first in its path; may be empty."""
    named: str | None = environ.get("kennel.bucket")
    return named or environ.get("PATH_INFO", "/").removeprefix("/").split("/")[0]


def rule_for(bucket: str, origin: str | None, method: str, headers: Iterable[str] = ()) -> CorsRule | None:
    """Return the first rule of a bucket that lets a page of an origin send a method, or None."""
    headers = list(headers)
    rules = _rules(policy_store.bucket_record(bucket)) if origin is not None else []
    return next((rule for rule in rules if rule.lets(origin or "", method, headers)), None)


def _rules(record: Any) -> list[CorsRule]:
    return [
        CorsRule(
            tuple(rule.allowed_origins),
            tuple(rule.allowed_methods),
            tuple(rule.allowed_headers or ()),
            tuple(rule.exposed_headers or ()),
            rule.max_age_seconds,
        )
        for rule in getattr(record, "cors", ())
    ]


def preflight(environ: Environ) -> Response:
    """Answer a browser's question whether a page may send a request to a bucket."""
    try:
        return _preflight(environ)
    except AwsError as error:
        return codec.encode_undecoded("s3", environ, error)


def _preflight(environ: Environ) -> Response:
    origin, method = environ.get("HTTP_ORIGIN"), environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
    if origin is None:
        raise AwsError("BadRequest", "Insufficient information. Origin request header needed.", 400)
    if method not in METHODS:
        message = f"Invalid Access-Control-Request-Method: {'null' if method is None else method}"
        raise AwsError("BadRequest", message, 400)
    bucket = bucket_of(environ)
    record = policy_store.bucket_record(bucket)
    if record is None:
        raise _forbidden("Bucket not found")
    if not record.cors:
        raise _forbidden("CORS is not enabled for this bucket.")
    text = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    headers = [each.strip().lower() for each in text.split(",") if each.strip()]
    rule = rule_for(bucket, origin, method, headers)
    if rule is None:
        raise _forbidden(
            "This CORS request is not allowed. This is usually because the evalution of Origin, request "
            "method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by "
            "the resource's CORS spec."
        )
    return Response(200, rule.fields(origin, headers), b"")


def _forbidden(message: str) -> AwsError:
    return AwsError("AccessForbidden", f"CORSResponse: {message}", 403)


@operation("s3", "PutBucketCors")
def put_bucket_cors(call: Call) -> Response:
    """Set a bucket's rules; moto removes the ones before also where it refuses the new ones.

    Raises
    ------
    AwsError
        ``MalformedXML`` or ``InvalidRequest``: a rule is not as S3 wants it.
    """
    rules = (call.parameters.get("CORSConfiguration") or {}).get("CORSRules") or []
    if not 1 <= len(rules) <= MOST_RULES:
        raise malformed_xml()
    for rule in rules:
        _check(rule)
    return call.ask_moto()


def _check(rule: dict[str, Any]) -> None:
    if not rule.get("AllowedMethods") or not rule.get("AllowedOrigins"):
        raise malformed_xml()
    for method in rule["AllowedMethods"]:
        if method not in METHODS:
            message = f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            raise AwsError("InvalidRequest", message)
    for member in ("AllowedOrigin", "AllowedHeader"):
        for value in rule.get(f"{member}s") or ():
            if value.count("*") > 1:
                raise AwsError("InvalidRequest", f'{member} "{value}" can not have more than one wildcard.')
    for value in rule.get("ExposeHeaders") or ():
        if "*" in value:
            raise AwsError(
                "InvalidRequest",
                f'ExposeHeader "{value}" contains wildcard. We currently do not support wildcard for '
                "ExposeHeader.",
            )
