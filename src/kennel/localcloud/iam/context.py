"""The condition keys that every request has, and those of S3 requests."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from kennel.localcloud.iam.principals import Principal

if TYPE_CHECKING:
    from kennel.localcloud.call import Call

PRINCIPAL_TYPES = {"operator": "User", "user": "User", "role": "AssumedRole", "anonymous": "Anonymous"}
Values = dict[str, "str | list[str]"]


def principal_context(principal: Principal) -> Values:
    """``aws:Principal…`` keys, for whoever calls."""
    values: Values = {
        "aws:principalarn": principal.role_arn or principal.arn,
        "aws:principaltype": PRINCIPAL_TYPES.get(principal.kind, "Service"),
        "aws:principalisawsservice": "true" if principal.kind == "service" else "false",
        "aws:userid": principal.unique_id,
    }
    if principal.account:
        values["aws:principalaccount"] = principal.account
    if principal.kind in ("user", "operator"):
        values["aws:username"] = principal.name
    values.update({f"aws:principaltag/{name.lower()}": value for name, value in principal.tags.items()})
    return values


def request_context(call: Call) -> Values:
    """The global keys of a request.

    ``aws:SecureTransport`` is true: the only transport is the loopback, which stands for AWS's TLS.
    """
    now = datetime.datetime.now(datetime.UTC)
    values = principal_context(call.principal)
    values.update(
        {
            "aws:securetransport": "true",
            "aws:requestedregion": call.region,
            "aws:resourceaccount": call.account,
            "aws:sourceip": call.environ.get("REMOTE_ADDR", "127.0.0.1"),
            "aws:currenttime": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "aws:epochtime": str(int(now.timestamp())),
            "aws:viaawsservice": "false",
            "aws:useragent": call.environ.get("HTTP_USER_AGENT", ""),
        }
    )
    if call.environ.get("HTTP_REFERER"):
        values["aws:referer"] = call.environ["HTTP_REFERER"]
    values.update(_request_tags(call))
    return values


def _request_tags(call: Call) -> Values:
    tags = call.parameters.get("Tags") or call.parameters.get("tags") or {}
    if isinstance(tags, list):
        tags = {tag.get("Key"): tag.get("Value", "") for tag in tags if isinstance(tag, dict)}
    if not tags or not isinstance(tags, dict):
        return {}
    values: Values = {f"aws:requesttag/{str(name).lower()}": str(value) for name, value in tags.items()}
    values["aws:tagkeys"] = [str(name) for name in tags]
    return values


S3_PARAMETERS = {
    "Prefix": "s3:prefix",
    "Delimiter": "s3:delimiter",
    "MaxKeys": "s3:max-keys",
    "VersionId": "s3:versionid",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "ACL": "s3:x-amz-acl",
    "StorageClass": "s3:x-amz-storage-class",
    "CopySource": "s3:x-amz-copy-source",
    "IfNoneMatch": "s3:if-none-match",
    "IfMatch": "s3:if-match",
}


def s3_context(call: Call) -> Values:
    """The keys that S3 adds."""
    values: Values = {
        name: str(call.parameters[parameter])
        for parameter, name in S3_PARAMETERS.items()
        if call.parameters.get(parameter) is not None
    }
    if call.operation in ("ListObjects", "ListObjectsV2", "ListObjectVersions"):
        values.setdefault("s3:prefix", "")
    signed_in_query = "Signature=" in call.environ.get("QUERY_STRING", "")
    values["s3:authtype"] = "REST-QUERY-STRING" if signed_in_query else "REST-HEADER"
    values["s3:signatureversion"] = "AWS4-HMAC-SHA256"
    values["s3:tlsversion"] = "1.3"  # what AWS's own SDKs negotiate
    values["s3:resourceaccount"] = call.account
    return values
