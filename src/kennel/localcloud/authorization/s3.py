"""Which S3 actions, on which ARNs, an S3 operation needs, and the KMS actions that encryption implies.

Source: Amazon S3 user guide, "Required permissions for Amazon S3 API operations".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote

from kennel.localcloud.authorization.permission import Need
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import policy_store

# Operations whose action has another name; {op} with VersionId gets its …Version form below.
OBJECT_ACTIONS = {
    "GetObject": "GetObject",
    "HeadObject": "GetObject",
    "GetObjectAttributes": "GetObject",
    "GetObjectTorrent": "GetObject",
    "SelectObjectContent": "GetObject",
    "PutObject": "PutObject",
    "PostObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "AbortMultipartUpload": "AbortMultipartUpload",
    "ListParts": "ListMultipartUploadParts",
    "DeleteObject": "DeleteObject",
    "RestoreObject": "RestoreObject",
    **{
        f"{verb}Object{noun}": f"{verb}Object{noun}" for verb in ("Get", "Put") for noun in ("Acl", "Tagging")
    },
    **{
        f"{verb}Object{noun}": f"{verb}Object{noun}"
        for verb in ("Get", "Put")
        for noun in ("Retention", "LegalHold")
    },
    "DeleteObjectTagging": "DeleteObjectTagging",
}
VERSIONED = {"GetObject", "DeleteObject"} | {
    f"{verb}Object{noun}" for verb in ("Get", "Put", "Delete") for noun in ("Acl", "Tagging")
}
BUCKET_ACTIONS = {
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "DeleteBucketCors": "PutBucketCORS",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration",
    "PutBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
}


def s3_needs(request: ApiRequest) -> list[Need]:
    """Every action that an S3 call needs, the KMS ones last."""
    parameters = request.parameters
    name = parameters.get("Bucket", "")
    bucket_arn = f"arn:aws:s3:::{name}"
    if request.operation in ("ListBuckets", "ListDirectoryBuckets"):
        return [Need("s3:ListAllMyBuckets", "*")]
    if request.operation == "DeleteObjects":
        return [_deletion(bucket_arn, item, name) for item in parameters.get("Delete", {}).get("Objects", [])]
    if request.operation not in OBJECT_ACTIONS:
        action = BUCKET_ACTIONS.get(request.operation, request.operation)
        return [Need(f"s3:{action}", bucket_arn, bucket=name)]
    object_arn = f"{bucket_arn}/{parameters.get('Key', '')}"
    needs = [Need(f"s3:{_object_action(request)}", object_arn, bucket=name)]
    if request.operation in ("CopyObject", "UploadPartCopy"):
        needs.insert(0, _source(parameters.get("CopySource", "")))
    if request.operation in ("PutObject", "CopyObject", "CreateMultipartUpload"):
        if parameters.get("Tagging"):
            needs.append(Need("s3:PutObjectTagging", object_arn, bucket=name))
        if parameters.get("ACL") or any(parameters.get(f"Grant{who}") for who in ("Read", "FullControl")):
            needs.append(Need("s3:PutObjectAcl", object_arn, bucket=name))
    if request.operation == "GetObjectAttributes":
        needs.append(Need("s3:GetObjectAttributes", object_arn, bucket=name))
    return needs


def _object_action(request: ApiRequest) -> str:
    action = OBJECT_ACTIONS[request.operation]
    versioned = request.parameters.get("VersionId") and action in VERSIONED
    if not versioned:
        return action
    return action.replace("Object", "ObjectVersion", 1)


def _deletion(bucket_arn: str, item: dict[str, Any], name: str) -> Need:
    action = "s3:DeleteObjectVersion" if item.get("VersionId") else "s3:DeleteObject"
    return Need(action, f"{bucket_arn}/{item.get('Key', '')}", bucket=name)


def copy_source(text: str) -> tuple[str, str, str]:
    """The bucket, key and version that an ``x-amz-copy-source`` names."""
    path, _, query = text.partition("?")
    name, _, key = unquote(path).lstrip("/").partition("/")
    return name, key, parse_qs(query).get("versionId", [""])[0]


def _source(text: str) -> Need:
    name, key, version = copy_source(text)
    action = "s3:GetObjectVersion" if version else "s3:GetObject"
    return Need(action, f"arn:aws:s3:::{name}/{key}", bucket=name)


def encryption_needs(request: ApiRequest) -> list[Need]:
    """The KMS actions that S3 takes in the caller's name, for objects under a customer's key.

    Source: S3 user guide, "Using server-side encryption with AWS KMS keys": GetObject needs ``kms:Decrypt``,
    PutObject ``kms:GenerateDataKey``, and a multipart upload both.
    """
    parameters = request.parameters
    name, key = parameters.get("Bucket", ""), parameters.get("Key", "")
    if request.operation == "GetObject":
        return _reading(request, name, key, parameters.get("VersionId"))
    if request.operation in ("PutObject", "CreateMultipartUpload"):
        return _writing(request, name, key)
    if request.operation in ("UploadPart", "CompleteMultipartUpload"):
        found = policy_store.bucket(name)
        upload = found.multiparts.get(parameters.get("UploadId")) if found else None
        if upload is None:
            return []
        identifier = _key_in_force(name, upload.sse_encryption, upload.kms_key_id)
        return _need("kms:Decrypt", request, identifier, name, key)
    if request.operation in ("CopyObject", "UploadPartCopy"):
        from_bucket, from_key, version = copy_source(parameters.get("CopySource", ""))
        reading = _reading(request, from_bucket, from_key, version or None)
        return reading + (_writing(request, name, key) if request.operation == "CopyObject" else [])
    return []


def _reading(request: ApiRequest, name: str, key: str, version: str | None) -> list[Need]:
    found = policy_store.bucket(name)
    if found is None:
        return []
    versions = found.keys.getlist(key)
    stored = (
        next((v for v in versions if str(v.version_id) == version), None) if version else found.keys.get(key)
    )
    if getattr(stored, "encryption", None) not in ("aws:kms", "aws:kms:dsse"):
        return []
    return _need("kms:Decrypt", request, getattr(stored, "kms_key_id", None), name, key)


def _writing(request: ApiRequest, name: str, key: str) -> list[Need]:
    asked = request.parameters.get("ServerSideEncryption"), request.parameters.get("SSEKMSKeyId")
    return _need("kms:GenerateDataKey", request, _key_in_force(name, *asked), name, key)


def _key_in_force(name: str, algorithm: str | None, identifier: str | None) -> str | None:
    """The key that a new object is encrypted with: what the request asks for, else the bucket's default."""
    found = policy_store.bucket(name)
    default = ((found.encryption if found else None) or {}).get("Rule", {})
    default = default.get("ApplyServerSideEncryptionByDefault", {})
    if (algorithm or default.get("SSEAlgorithm")) not in ("aws:kms", "aws:kms:dsse"):
        return None
    return identifier or default.get("KMSMasterKeyID")


def _need(action: str, request: ApiRequest, identifier: str | None, name: str, key: str) -> list[Need]:
    if not identifier or identifier.endswith("alias/aws/s3"):
        return []  # the AWS managed key lets everybody in the account use it through S3
    found = policy_store.key(request.region, identifier)
    if found is None:
        return [Need(action, identifier)]
    context: dict[str, str | list[str]] = {
        "kms:viaservice": f"s3.{request.region}.amazonaws.com",
        "kms:calleraccount": request.account,
        "kms:encryptioncontext:aws:s3:arn": f"arn:aws:s3:::{name}/{key}",
        "kms:encryptioncontextkeys": ["aws:s3:arn"],
        "aws:viaawsservice": "true",
        "aws:calledvia": ["s3.amazonaws.com"],
    }
    return [Need(action, found.arn, context, policy=policy_store.key_policy(found), decides=True)]
