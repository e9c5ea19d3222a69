"""The condition keys that every request has, and those of S3 requests."""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import parse_qsl

from kennel.localcloud.authorization.request_tags import request_tags
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.policy.principal import Principal

# aws:PrincipalType by the kind of principal; any other is a service.
PRINCIPAL_TYPES = {"operator": "User", "user": "User", "role": "AssumedRole", "anonymous": "Anonymous"}
ConditionKeys = dict[str, "str | list[str]"]


def principal_context(principal: Principal) -> ConditionKeys:
    """Return the ``aws:Principal…`` keys of a caller; a web identity has its provider's keys instead."""
    if principal.kind == "federated":
        provider = principal.name.removeprefix("https://").lower()
        return {f"{provider}:{claim}": value for claim, value in principal.claims.items()}
    values: ConditionKeys = {
        "aws:principalarn": principal.role_arn or principal.arn,
        "aws:principaltype": PRINCIPAL_TYPES.get(principal.kind, "Service"),
        "aws:principalisawsservice": "true" if principal.kind == "service" else "false",
        "aws:userid": principal.unique_id,
    }
    if principal.account:
        values["aws:principalaccount"] = principal.account
    if principal.kind in ("user", "operator"):
        values["aws:username"] = principal.name
    if principal.kind == "role":
        # The keys of temporary credentials; the local cloud has no devices for a second factor.
        values["aws:multifactorauthpresent"] = "false"
        if principal.issued:
            values["aws:tokenissuetime"] = principal.issued
    if principal.source_identity:
        values["aws:sourceidentity"] = principal.source_identity
    values.update({f"aws:principaltag/{name.lower()}": value for name, value in principal.tags.items()})
    return values


def request_context(request: ApiRequest) -> ConditionKeys:
    """Return the global keys of a request, those of its principal apart.

    ``aws:SecureTransport`` is true: the only transport is the loopback, which stands for AWS's TLS.
    """
    now = datetime.datetime.now(datetime.UTC)
    values: ConditionKeys = {
        "aws:securetransport": "true",
        "aws:requestedregion": request.region,
        "aws:resourceaccount": request.account,
        "aws:sourceip": request.source_ip,
        "aws:currenttime": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "aws:epochtime": str(int(now.timestamp())),
        "aws:viaawsservice": "false",
        "aws:useragent": request.user_agent,
    }
    if request.referer:
        values["aws:referer"] = request.referer
    values.update(request_tags(request))
    return values


# The condition keys that hold parameters of an S3 request.
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
    "GrantFullControl": "s3:x-amz-grant-full-control",
    "GrantRead": "s3:x-amz-grant-read",
    "GrantReadACP": "s3:x-amz-grant-read-acp",
    "GrantWrite": "s3:x-amz-grant-write",
    "GrantWriteACP": "s3:x-amz-grant-write-acp",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "ObjectLockLegalHoldStatus": "s3:object-lock-legal-hold",
    "ObjectLockMode": "s3:object-lock-mode",
    "ObjectLockRetainUntilDate": "s3:object-lock-retain-until-date",
    "ObjectOwnership": "s3:x-amz-object-ownership",
    "SSECustomerAlgorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "WebsiteRedirectLocation": "s3:x-amz-website-redirect-location",
}
# Operations that require s3:PutObject, and whether an object exists after them. Policies that demand a
# conditional write exempt the others, which take no condition (S3 user guide, "Enforce conditional writes on
# Amazon S3 buckets").
CREATES_OBJECT = {
    "PutObject": True,
    "PostObject": True,
    "CopyObject": True,
    "CompleteMultipartUpload": True,
    "CreateMultipartUpload": False,
    "UploadPart": False,
    "UploadPartCopy": False,
}


def s3_context(request: ApiRequest) -> ConditionKeys:
    """Return the keys that S3 adds."""
    values: ConditionKeys = {
        name: str(request.parameters[parameter])
        for parameter, name in S3_PARAMETERS.items()
        if request.parameters.get(parameter) is not None
    }
    if request.operation in CREATES_OBJECT:
        values["s3:objectcreationoperation"] = str(CREATES_OBJECT[request.operation]).lower()
    if request.operation in ("ListObjects", "ListObjectsV2", "ListObjectVersions"):
        values.setdefault("s3:prefix", "")
    location = (request.parameters.get("CreateBucketConfiguration") or {}).get("LocationConstraint")
    if location:
        values["s3:locationconstraint"] = location
    values.update(_object_tags(request.parameters.get("Tagging")))
    values["s3:authtype"] = "REST-QUERY-STRING" if request.presigned else "REST-HEADER"
    values["s3:signatureversion"] = "AWS4-HMAC-SHA256"
    values["s3:tlsversion"] = "1.3"  # what AWS's own SDKs negotiate
    values["s3:resourceaccount"] = request.account
    return values


def _object_tags(tagging: Any) -> ConditionKeys:
    """Return the keys of the tags that a request gives an object: in a header, or as a document."""
    if isinstance(tagging, dict):
        tags = {tag["Key"]: tag.get("Value", "") for tag in tagging.get("TagSet") or [] if "Key" in tag}
    else:
        tags = dict(parse_qsl(tagging or "", keep_blank_values=True))
    values: ConditionKeys = {f"s3:requestobjecttag/{name.lower()}": value for name, value in tags.items()}
    return {**values, "s3:requestobjecttagkeys": list(tags)} if tags else values
