"""S3: server access logs: a line for each request to a bucket that logs, delivered to its target each minute.

Source: S3 user guide, "Logging requests with server access logging", "Amazon S3 server access log format".
"""

from __future__ import annotations

import logging
import re
import secrets
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, quote

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import access_logs, policy_store
from kennel.localcloud.moto_adapter.bucket_configurations import configurations_of
from kennel.localcloud.policy.principal import ANONYMOUS
from kennel.localcloud.protocol.messages import Environ, Response
from kennel.localcloud.runtime.metrics.store import MINUTE
from kennel.localcloud.services.s3_website import BY_WEBSITE

log = logging.getLogger(__name__)
KIND = "Logging"  # of the configurations that are kept with a bucket's record
NONE = "-"
ERROR_CODE = re.compile(rb"<Code>([A-Za-z0-9]+)</Code>")
CUSTOMER_KEY = r"X-Amz-(?:Copy-Source-)?Server-Side-Encryption-Customer-Key"  # belongs into a header
SECRET = re.compile(rf"((?:(?:X-Amz-)?(?:Signature|Security-Token)|{CUSTOMER_KEY})=)[^&]*", re.IGNORECASE)
# What a request is for, by the name in its query, where that is not the name itself.
RESOURCES = {
    "delete": "MULTI_OBJECT_DELETE",
    "legal-hold": "OBJECT_LOCK_LEGALHOLD",
    "logging": "LOGGING_STATUS",
    "object-lock": "OBJECT_LOCK_CONFIGURATION",
    "ownershipControls": "OWNERSHIP_CONTROLS",
    "partNumber": "PART",
    "policy": "BUCKETPOLICY",
    "publicAccessBlock": "PUBLIC_ACCESS_BLOCK",
    "requestPayment": "REQUEST_PAYMENT",
    "retention": "OBJECT_LOCK_RETENTION",
    "uploadId": "UPLOAD",
    "versions": "BUCKETVERSIONS",
}
NAMED = (
    "accelerate acl cors encryption lifecycle location notification replication tagging uploads versioning "
    "website"
)
RESOURCES |= {name: name.upper() for name in NAMED.split()}


class AccessLogs(KeptStore):
    """The lines that are not delivered yet, by bucket and day."""

    everywhere = True

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str], list[str]] = defaultdict(list)


@dataclass(frozen=True)
class LoggedRequest:
    """A request to S3 that was answered.

    Attributes
    ----------
    caller
        The principal's ARN.
    parameters
        As they were read; empty where the request could not be.
    seconds
        How long the answer took.
    """

    environ: Environ
    caller: str
    parameters: dict[str, Any]
    response: Response
    seconds: float


def note(cloud: Cloud, request: LoggedRequest) -> None:
    """Write the line of a request, if its bucket logs."""
    bucket = request.parameters.get("Bucket")
    record = policy_store.bucket_record(bucket) if bucket else None
    if record is None or not record.logging:
        return
    now = cloud.clock.now()
    with cloud.lock:
        cloud.store(AccessLogs).lines[record.name, f"{now:%Y-%m-%d}"].append(_line(record.name, now, request))


def _line(bucket: str, now: datetime, request: LoggedRequest) -> str:
    environ, response, parameters = request.environ, request.response, request.parameters
    headers = {name.lower(): value for name, value in response.headers}
    key, method = parameters.get("Key"), environ["REQUEST_METHOD"]
    target = SECRET.sub(r"\1REDACTED", environ.get("RAW_URI") or environ["PATH_INFO"])
    code = None if response.ok else ERROR_CODE.search(response.body)
    sent = 0 if method == "HEAD" else len(response.body)
    milliseconds = round(request.seconds * 1000)
    style = _authentication(environ)
    fields: list[object] = [
        access_logs.OWNER_ID,
        bucket,
        f"[{now:%d/%b/%Y:%H:%M:%S} +0000]",
        environ.get("REMOTE_ADDR", NONE),
        NONE if request.caller == ANONYMOUS.arn else request.caller,
        headers.get("x-amz-request-id", NONE),
        _operation(environ, parameters),
        quote(key) if key else NONE,
        f'"{method} {target} {environ.get("SERVER_PROTOCOL", "HTTP/1.1")}"',
        response.status,
        code[1].decode() if code else NONE,
        sent or NONE,
        _object_size(method, key, environ, headers) if response.ok else NONE,
        milliseconds,
        milliseconds,
        f'"{environ.get("HTTP_REFERER", NONE)}"',
        f'"{environ.get("HTTP_USER_AGENT", NONE)}"',
        headers.get("x-amz-version-id") or parameters.get("VersionId") or NONE,
        headers.get("x-amz-id-2", NONE),
        "SigV4" if style != NONE else NONE,
        NONE,  # cipher suite: there is no TLS here
        style,
        environ.get("HTTP_HOST", NONE),
        NONE,  # TLS
        NONE,  # access point
        NONE,  # whether an access control list was needed
    ]
    return " ".join(str(each) for each in fields)


def _authentication(environ: Environ) -> str:
    if "HTTP_AUTHORIZATION" in environ:
        return "AuthHeader"
    return "QueryString" if "Signature=" in environ.get("QUERY_STRING", "") else NONE


def _operation(environ: Environ, parameters: dict[str, Any]) -> str:
    """Return the operation as logs name it, e.g. ``REST.GET.OBJECT``."""
    method, has_key = environ["REQUEST_METHOD"], "Key" in parameters
    if parameters.get("CopySource"):
        return "REST.COPY.PART" if "PartNumber" in parameters else "REST.COPY.OBJECT"
    names = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    resource = next((RESOURCES[name] for name in RESOURCES if name in names), "")
    if resource == "TAGGING" and has_key:
        resource = "OBJECT_TAGGING"
    by = "WEBSITE" if BY_WEBSITE in environ else "REST"
    return f"{by}.{method}.{resource or ('OBJECT' if has_key else 'BUCKET')}"


def _object_size(method: str, key: str | None, environ: Environ, headers: dict[str, str]) -> str:
    if not key:
        return NONE
    if method in ("GET", "HEAD"):
        return headers.get("content-range", "").rpartition("/")[2] or headers.get("content-length", NONE)
    length = environ.get("HTTP_X_AMZ_DECODED_CONTENT_LENGTH") or environ.get("CONTENT_LENGTH")
    return length if length and method == "PUT" else NONE


def deliver_access_logs(cloud: Cloud) -> None:
    """Deliver what was noted once a minute, for as long as the cloud runs."""
    cloud.clock.every(MINUTE, lambda: _deliver(cloud))


def _deliver(cloud: Cloud) -> None:
    with cloud.lock:
        store = cloud.store(AccessLogs)
        noted, store.lines = store.lines, defaultdict(list)
    for (bucket, day), lines in noted.items():
        record = policy_store.bucket_record(bucket)
        settings = getattr(record, "logging", None)
        if not settings:
            continue
        name = _name(bucket, record.region_name, settings, day, cloud.clock.now(), cloud.account)
        with cloud.changes.call():
            problem = access_logs.write(record, settings["TargetBucket"], name, "\n".join([*lines, ""]))
        if problem:
            log.warning("the access log of bucket %s could not be delivered: %s", bucket, problem)
        cloud.changes.note()


def _name(bucket: str, region: str, settings: dict[str, Any], day: str, now: datetime, account: str) -> str:
    """Return the key of a log object; `day` is that of its requests."""
    stamp, prefix = f"{now:%Y-%m-%d-%H-%M-%S}", settings.get("TargetPrefix") or ""
    layout = (settings.get("TargetObjectKeyFormat") or {}).get("PartitionedPrefix")
    if layout is not None:
        if layout.get("PartitionDateSource") == "EventTime":
            stamp = f"{day}-00-00-00"
        prefix += f"{account}/{region}/{bucket}/{stamp[:10].replace('-', '/')}/"
    return f"{prefix}{stamp}-{secrets.token_hex(8).upper()}"


@operation("s3", "PutBucketLogging")
def put_bucket_logging(call: Call) -> Response:
    """Set where a bucket logs to; moto forgets how the objects' keys are put together."""
    response = call.ask_moto()
    if response.ok:
        kept = configurations_of(call.backend().get_bucket(call.parameters["Bucket"]), KIND)
        kept.clear()
        kept.update(call.parameters.get("BucketLoggingStatus") or {})
    return response


@operation("s3", "GetBucketLogging")
def get_bucket_logging(call: Call) -> dict[str, Any]:
    """Return where a bucket logs to."""
    return configurations_of(call.backend().get_bucket(call.parameters["Bucket"]), KIND)
