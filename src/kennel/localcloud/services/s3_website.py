"""S3: websites of buckets: index and error documents, redirections, for everybody whom the bucket lets read.

Sources: S3 user guide, "Hosting a static website using Amazon S3"; S3 API reference, PutBucketWebsite.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from http.client import responses
from typing import Any
from urllib.parse import quote, unquote

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.moto_adapter.bucket_configurations import configurations_of
from kennel.localcloud.protocol.messages import AwsError, Environ, Response
from kennel.localcloud.services.s3_access import malformed_xml

KIND = "Website"  # of the configurations that are kept with a bucket's record
BY_WEBSITE = "kennel.website"  # in the environment of a request for an object that a website reads
REDIRECTION = "x-amz-website-redirect-location"
MOST_RULES = 50
HOST_NAME = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?")
MESSAGES = {
    "AccessDenied": "Access Denied",
    "NoSuchKey": "The specified key does not exist.",
    "NoSuchBucket": "The specified bucket does not exist",
    "NoSuchWebsiteConfiguration": "The specified bucket does not have a website configuration",
    "MethodNotAllowed": "The specified method is not allowed against this resource.",
}


@dataclass(frozen=True)
class WebsiteRequest:
    """A request to a bucket's website; `serve` answers requests to S3 itself."""

    bucket: str
    environ: Environ
    serve: Callable[[Environ], Response]

    @property
    def path(self) -> str:
        """The request's path as it was sent, without the query."""
        path: str = self.environ.get("RAW_URI") or self.environ["PATH_INFO"]
        return path.split("?", 1)[0]

    @property
    def key(self) -> str:
        """What the path names; empty for the root."""
        return unquote(self.path).removeprefix("/")

    def read(self, key: str, method: str = "") -> Response:
        """Read an object as anybody may, without anything of the request that S3 reads otherwise."""
        path = f"/{self.bucket}/{quote(key, safe='/-_.~')}"
        kept = {
            name: value
            for name, value in self.environ.items()
            if not name.startswith("HTTP_X_AMZ_") and name not in ("HTTP_AUTHORIZATION", "CONTENT_TYPE")
        }
        return self.serve(
            {
                **kept,
                "REQUEST_METHOD": method or self.environ["REQUEST_METHOD"],
                "PATH_INFO": f"/{self.bucket}/{key}".encode().decode("latin-1"),
                "RAW_URI": path,
                "REQUEST_URI": path,
                "QUERY_STRING": "",
                BY_WEBSITE: True,
            }
        )


def respond(request: WebsiteRequest) -> Response:
    """Answer a request to a website."""
    if request.environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return _page(405, "MethodNotAllowed", request.key)
    record = policy_store.bucket_record(request.bucket)
    if record is None:
        return _page(404, "NoSuchBucket", request.key)
    settings = configurations_of(record, KIND)
    if not settings:
        return _page(404, "NoSuchWebsiteConfiguration", request.key)
    everything = settings.get("RedirectAllRequestsTo")
    if everything:
        return _redirected(request, everything, request.path.removeprefix("/"))
    rules = settings.get("RoutingRules") or []
    return _by_rule(request, rules, "") or _document(request, settings, rules)


def _document(request: WebsiteRequest, settings: dict[str, Any], rules: list[dict[str, Any]]) -> Response:
    """Return an object, or what stands for one that cannot be read."""
    key, suffix = request.key, settings["IndexDocument"]["Suffix"]
    response = request.read(f"{key}{suffix}" if not key or key.endswith("/") else key)
    if response.status < 400:
        location = _header(response, REDIRECTION)
        return Response(301, [("Location", location)], b"") if location else response
    may_be_folder = response.status in (403, 404) and key and not key.endswith("/")
    if may_be_folder and request.read(f"{key}/{suffix}", "HEAD").ok:
        return Response(302, [("Location", f"/{request.path.lstrip('/')}/")], b"")
    redirected = _by_rule(request, rules, str(response.status))
    if redirected:
        return redirected
    error = settings.get("ErrorDocument")
    document = request.read(error["Key"]) if error else None
    if document and document.ok:
        return Response(response.status, document.headers, document.body)
    code = re.search(rb"<Code>(\w+)</Code>", response.body)
    default = {403: "AccessDenied", 404: "NoSuchKey"}.get(response.status, "")
    return _page(response.status, code[1].decode() if code else default, key)


def _header(response: Response, name: str) -> str:
    return next((value for each, value in response.headers if each.lower() == name), "")


def _by_rule(request: WebsiteRequest, rules: list[dict[str, Any]], status: str) -> Response | None:
    """Return the redirection of the first rule for a key and an error; None if there is none.

    Parameters
    ----------
    status
        That of the object; empty before it is read, for the rules that ask for none.
    """
    for rule in rules:
        condition = rule.get("Condition") or {}
        prefix = condition.get("KeyPrefixEquals", "")
        if condition.get("HttpErrorCodeReturnedEquals", "") == status and request.key.startswith(prefix):
            redirect = rule["Redirect"]
            key = redirect.get("ReplaceKeyWith")
            if key is None:
                rest = request.key.removeprefix(prefix)
                key = redirect.get("ReplaceKeyPrefixWith", prefix) + rest
            return _redirected(request, redirect, quote(key, safe="/-_.~"))
    return None


def _redirected(request: WebsiteRequest, redirect: dict[str, Any], path: str) -> Response:
    host = redirect.get("HostName") or request.environ.get("HTTP_HOST", "")
    location = f"{redirect.get('Protocol') or 'http'}://{host}/{path}"
    return Response(int(redirect.get("HttpRedirectCode") or 301), [("Location", location)], b"")


def _page(status: int, code: str, key: str) -> Response:
    title = f"{status} {responses.get(status, '')}"
    items = {"Code": code, "Message": MESSAGES.get(code, ""), "Key": key}
    lines = "".join(f"<li>{name}: {escape(value)}</li>\n" for name, value in items.items() if value)
    text = (
        f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<ul>\n{lines}</ul>\n<hr/>\n"
        "</body>\n</html>\n"
    )
    return Response(status, [("Content-Type", "text/html; charset=utf-8")], text.encode())


@operation("s3", "PutBucketWebsite")
def put_bucket_website(call: Call) -> Response:
    """Set a bucket's website.

    Raises
    ------
    AwsError
        ``InvalidArgument`` or ``InvalidRequest``: S3 takes no such configuration.
    """
    settings = call.parameters["WebsiteConfiguration"]
    _check(settings)
    response = call.ask_moto()
    if response.ok:
        kept = configurations_of(call.backend().get_bucket(call.parameters["Bucket"]), KIND)
        kept.clear()
        kept.update(settings)
    return response


@operation("s3", "DeleteBucketWebsite")
def delete_bucket_website(call: Call) -> Response:
    """Delete a bucket's website."""
    configurations_of(call.backend().get_bucket(call.parameters["Bucket"]), KIND).clear()
    return call.ask_moto()


def _check(settings: dict[str, Any]) -> None:
    rules = settings.get("RoutingRules") or []
    if settings.get("RedirectAllRequestsTo"):
        _check_redirect(settings["RedirectAllRequestsTo"])
        if len([value for value in settings.values() if value]) > 1:
            message = "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules."
            raise AwsError("InvalidRequest", message)
        return
    if not settings.get("IndexDocument"):
        message = "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty"
        raise AwsError("InvalidArgument", message)
    suffix = settings["IndexDocument"].get("Suffix", "")
    if not suffix or "/" in suffix:
        raise AwsError("InvalidArgument", "The IndexDocument Suffix is not well formed")
    error = settings.get("ErrorDocument")
    if error is not None and not error.get("Key"):
        raise AwsError("InvalidArgument", "The ErrorDocument Key is not well formed")
    if len(rules) > MOST_RULES:
        message = f"The number of routing rules must not exceed the allowed limit of {MOST_RULES} rules"
        raise AwsError("InvalidRequest", message)
    for rule in rules:
        _check_redirect(rule.get("Redirect") or {})


def _check_redirect(redirect: dict[str, Any]) -> None:
    if {"ReplaceKeyWith", "ReplaceKeyPrefixWith"} <= set(redirect):
        message = "You can only define ReplaceKeyPrefix or ReplaceKey but not both."
        raise AwsError("InvalidRequest", message)
    host, protocol = redirect.get("HostName"), redirect.get("Protocol")
    if (host and not HOST_NAME.fullmatch(host)) or protocol not in (None, "http", "https"):
        raise malformed_xml()
    code = redirect.get("HttpRedirectCode")
    if code and not re.fullmatch("3(?!00)[0-9]{2}", code):
        message = f"The provided HTTP redirect code ({code}) is not valid. Valid codes are 3XX except 300."
        raise AwsError("InvalidRequest", message)
