"""Uploads to S3 by a browser's form: checked against their policy, then put as any object is.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from __future__ import annotations

import base64
import hmac
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from werkzeug.formparser import FormDataParser

from kennel.localcloud.authorization.identify import identify
from kennel.localcloud.dispatch.audit_log import CallAudit
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.policy.principal import ANONYMOUS, Principal
from kennel.localcloud.protocol import codec, post_policy
from kennel.localcloud.protocol.messages import AwsError, Environ, Response, read_body
from kennel.localcloud.protocol.signature import RequestSignature
from kennel.localcloud.protocol.sigv4 import signing_key

PRINCIPAL = "kennel.form.principal"  # in the environment of the upload that a checked form becomes
FORM = "multipart/form-data"
# The form's fields that become headers of the upload, beside those of x-amz-.
HEADERS = ("cache-control", "content-disposition", "content-encoding", "content-type", "expires")
OWN = re.compile(r"x-amz-(signature|credential|algorithm|date|security-token)")
FULL_NAME = "${filename}"
SCOPE_PARTS = 5


@dataclass(frozen=True)
class Form:
    """A form: its fields by their names in lower case, and its file."""

    fields: dict[str, str]
    filename: str
    content: bytes


def is_form(environ: Environ) -> bool:
    """Whether a request is a form's upload to a bucket."""
    content_type = environ.get("CONTENT_TYPE", "")
    return (
        environ["REQUEST_METHOD"] == "POST"
        and content_type.startswith(FORM)
        and "HTTP_AUTHORIZATION" not in environ
        and "HTTP_X_AMZ_TARGET" not in environ
    )


def respond(cloud: Cloud, environ: Environ, serve: Callable[[Environ], Response]) -> Response:
    """Answer a form's upload.

    Parameters
    ----------
    serve
        Answers an AWS call.
    """
    try:
        form = _read(environ)
        bucket = environ.get("kennel.bucket") or environ.get("PATH_INFO", "/").strip("/").split("/")[0]
        if "key" not in form.fields:
            raise AwsError("InvalidArgument", "Bucket POST must contain a field named 'key'.", 400)
        # "All variables within the form are expanded prior to validating the POST policy."
        key = form.fields["key"] = form.fields["key"].replace(FULL_NAME, form.filename)
        principal = _check(cloud, form, bucket)
        if not key:
            raise AwsError("InvalidArgument", "User key must have a length greater than 0.", 400)
        answer = serve(_upload(environ, form, bucket, key, principal))
    except AwsError as error:
        audit = CallAudit(cloud.audit_log)
        audit.record(ANONYMOUS.arn, "s3:PutObject", "*", "deny", f"refused: {error.code}: {error.message}")
        audit.write(error.status or 400)
        return codec.encode_undecoded("s3", environ, error)
    return answer if not answer.ok else _answer(form, bucket, key, answer, cloud.endpoint_url)


def _read(environ: Environ) -> Form:
    body = read_body(environ)
    options = dict(
        part.strip().split("=", 1) for part in environ["CONTENT_TYPE"].split(";")[1:] if "=" in part
    )
    options = {name.lower(): value.strip('"') for name, value in options.items()}
    parser = FormDataParser(silent=False)
    try:
        _, texts, files = parser.parse(io.BytesIO(body), FORM, len(body), options)
    except ValueError as error:
        raise AwsError(
            "MalformedPOSTRequest",
            "The body of your POST request is not well-formed multipart/form-data.",
            400,
        ) from error
    fields = {name.lower(): value for name, value in texts.items()}
    content, filename, has_file = fields.pop("file", "").encode(), "", "file" in texts
    for name, part in files.items():
        if name.lower() == "file":
            content, filename, has_file = part.read(), part.filename or "", True
        else:  # some clients name a file with every field
            fields[name.lower()] = part.read().decode(errors="replace")
    if not has_file:
        raise AwsError("InvalidArgument", "POST requires exactly one file upload per request.", 400)
    return Form(fields, re.split(r"[/\\]", filename)[-1], content)


def _check(cloud: Cloud, form: Form, bucket: str) -> Principal:
    """Return who made the form, whose signature and policy are valid; anybody without a policy."""
    fields = form.fields
    if "policy" not in fields:
        return ANONYMOUS
    if "x-amz-signature" in fields:
        scope = fields.get("x-amz-credential", "").split("/")
        if len(scope) != SCOPE_PARTS:
            raise AwsError(
                "InvalidArgument", "Bucket POST must contain a field named 'X-Amz-Credential'.", 400
            )
        access_key, region, digest = scope[0], scope[2], fields["x-amz-signature"]
    elif "signature" in fields:
        access_key, region, digest = fields.get("awsaccesskeyid", ""), "", fields["signature"]
        scope = []
    else:
        raise AwsError("InvalidArgument", "Bucket POST must contain a field named 'X-Amz-Signature'.", 400)
    token = fields.get("x-amz-security-token", "")
    signature = RequestSignature(access_key, region, "s3", token, digest, "form")
    principal, secret = identify(signature, "s3", cloud.operator_secret)
    policy = fields["policy"].encode()
    if scope:
        expected = hmac.digest(signing_key(secret, "/".join(scope[1:])), policy, "sha256").hex()
    else:
        expected = base64.b64encode(hmac.digest(secret.encode(), policy, "sha1")).decode()
    if not hmac.compare_digest(expected.encode(), digest.encode()):
        raise AwsError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method.",
            403,
        )
    post_policy.check(fields["policy"], {**fields, "bucket": bucket}, len(form.content), cloud.clock.now())
    return principal


def _upload(environ: Environ, form: Form, bucket: str, key: str, principal: Principal) -> Environ:
    """Return the request that puts the file."""
    kept = {name: value for name, value in environ.items() if not name.startswith("HTTP_X_AMZ_")}
    kept.pop("kennel.bucket", None)  # it is in the path
    path = f"/{bucket}/{quote(key, safe='/-_.~')}"
    headers = {
        f"HTTP_{name.upper().replace('-', '_')}": value
        for name, value in form.fields.items()
        if name in HEADERS or (name.startswith("x-amz-") and not OWN.fullmatch(name))
    }
    content_type = headers.pop("HTTP_CONTENT_TYPE", "binary/octet-stream")
    if "acl" in form.fields:
        headers["HTTP_X_AMZ_ACL"] = form.fields["acl"]
    if "tagging" in form.fields:
        headers["HTTP_X_AMZ_TAGGING"] = _tags(form.fields["tagging"])
    return {
        **kept,
        **headers,
        "REQUEST_METHOD": "PUT",
        "PATH_INFO": f"/{bucket}/{key}".encode().decode("latin-1"),
        "RAW_URI": path,
        "REQUEST_URI": path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(form.content)),
        "wsgi.input": io.BytesIO(form.content),
        PRINCIPAL: principal,
    }


def _tags(text: str) -> str:
    try:
        if "<!" in text:  # entities could grow without end
            raise ElementTree.ParseError
        root = ElementTree.fromstring(text)  # noqa: S314 - without a document type it has no entities
    except ElementTree.ParseError as error:
        raise AwsError("MalformedXML", "The tagging is no valid XML.", 400) from error
    names = [
        [each.text or "" for each in root.iter() if each.tag.endswith(name)] for name in ("Key", "Value")
    ]
    return urlencode(list(zip(*names, strict=False)))


def _answer(form: Form, bucket: str, key: str, answer: Response, endpoint_url: str) -> Response:
    """Return what the form asks for: a redirection, or a status."""
    etag = {name.lower(): value for name, value in answer.headers}.get("etag", "")
    location = f"{endpoint_url}/{bucket}/{quote(key, safe='/-_.~')}"
    kept = [(name, value) for name, value in answer.headers if name.lower().startswith(("etag", "x-amz-"))]
    target = form.fields.get("success_action_redirect") or form.fields.get("redirect")
    if target and urlsplit(target).scheme in ("http", "https"):
        parts = urlsplit(target)
        query = [*parse_qsl(parts.query), ("bucket", bucket), ("key", key), ("etag", etag)]
        return Response(303, [*kept, ("Location", parts._replace(query=urlencode(query)).geturl())], b"")
    kept.append(("Location", location))
    status = form.fields.get("success_action_status", "")
    if status == "201":
        document = (
            f"<PostResponse><Location>{escape(location)}</Location><Bucket>{escape(bucket)}</Bucket>"
            f"<Key>{escape(key)}</Key><ETag>{escape(etag)}</ETag></PostResponse>"
        )
        return Response(201, [*kept, ("Content-Type", "application/xml")], document.encode())
    return Response(200 if status == "200" else 204, kept, b"")
