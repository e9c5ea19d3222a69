"""The S3 actions, and the ARNs, that an S3 operation requires, and the KMS actions that encryption implies.

Source: Amazon S3 user guide, "Required permissions for Amazon S3 API operations".
"""

from __future__ import annotations

from kennel.localcloud.authorization.context import ConditionKeys
from kennel.localcloud.authorization.permission import RequiredPermission
from kennel.localcloud.authorization.resource_keys import object_tags
from kennel.localcloud.authorization.s3_acl import list_grants, with_grant
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import object_encryption, policy_store, public_access
from kennel.localcloud.moto_adapter.object_encryption import Encryption
from kennel.localcloud.policy.evaluate import ResourcePolicy
from kennel.localcloud.protocol.canonical import copy_source
from kennel.localcloud.protocol.messages import AwsError

# Operations on objects, and the action of each.
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
        f"{verb}Object{noun}": f"{verb}Object{noun}"
        for verb in ("Get", "Put")
        for noun in ("Acl", "Tagging", "Retention", "LegalHold")
    },
    "DeleteObjectTagging": "DeleteObjectTagging",
}
# Actions that have another name, with …ObjectVersion, when a request names a version.
VERSIONED = {"GetObject", "DeleteObject"} | {
    f"{verb}Object{noun}" for verb in ("Get", "Put", "Delete") for noun in ("Acl", "Tagging")
}
# Operations on buckets whose action has another name.
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
    **{
        f"{verb}BucketMetadataConfiguration": f"{verb}BucketMetadataTableConfiguration"
        for verb in ("Create", "Get", "Delete")
    },
    # Of directory buckets, which are refused: their own permissions are another service's, s3express.
    "CreateSession": "ListBucket",
    "RenameObject": "PutObject",
    **{
        f"{verb}Bucket{kind}Configuration{ending}": f"{action}{kind}Configuration"
        for kind in ("Analytics", "IntelligentTiering", "Inventory", "Metrics")
        for verb, action, ending in (
            ("Get", "Get", ""),
            ("List", "Get", "s"),
            ("Put", "Put", ""),
            ("Delete", "Put", ""),
        )
    },
}


# Actions on objects that know no tag of an object's: it need not exist.
WITHOUT_TAGS = {
    "PutObject",
    "DeleteObject",
    "DeleteObjectVersion",
    "AbortMultipartUpload",
    "ListMultipartUploadParts",
}
# Operations that write objects, and what they require for what comes with the content.
WRITES = {"PutObject", "CopyObject", "CreateMultipartUpload"}
OF_A_WRITE = {"PutObjectAcl", "PutObjectTagging"}
# The operations by which an account's administrator always gets a bucket back from a policy that denies all.
POLICY_OPERATIONS = {"GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"}


def check_owner(request: ApiRequest) -> None:
    """Refuse a request that expects another owner of its buckets.

    Raises
    ------
    AwsError
        ``AccessDenied``.
    """
    for name in ("ExpectedBucketOwner", "ExpectedSourceBucketOwner"):
        if request.service == "s3" and request.parameters.get(name) not in (None, request.account):
            raise AwsError("AccessDenied", "Access Denied: the bucket has another owner.", 403)


def s3_permissions(request: ApiRequest) -> list[RequiredPermission]:
    """Return every S3 action on every bucket or object that an S3 call requires."""
    parameters, bucket = request.parameters, request.parameters.get("Bucket", "")
    if request.operation in ("ListBuckets", "ListDirectoryBuckets"):
        return [RequiredPermission("s3:ListAllMyBuckets", "*")]
    if request.operation == "DeleteObjects":
        return [
            object_permission(
                request,
                "DeleteObjectVersion" if item.get("VersionId") else "DeleteObject",
                item.get("Key", ""),
            )
            for item in parameters.get("Delete", {}).get("Objects", [])
        ]
    if request.operation not in OBJECT_ACTIONS:
        action = BUCKET_ACTIONS.get(request.operation, request.operation)
        return [bucket_permission(request, action)]
    actions = [_object_action(request)]
    if request.operation in WRITES:
        if parameters.get("Tagging"):
            actions.append("PutObjectTagging")
        if parameters.get("ACL") or any(parameters.get(f"Grant{grant}") for grant in ("Read", "FullControl")):
            actions.append("PutObjectAcl")
    if request.operation == "GetObjectAttributes":
        actions.append("GetObjectAttributes")
    permissions = [
        object_permission(request, action, parameters.get("Key", ""), bucket) for action in actions
    ]
    if request.operation in ("CopyObject", "UploadPartCopy"):
        source, key, version = copy_source(parameters.get("CopySource", ""))
        action = "GetObjectVersion" if version else "GetObject"
        permissions.insert(0, object_permission(request, action, key, source))
    return permissions


def bucket_permission(request: ApiRequest, action: str) -> RequiredPermission:
    """Return the permission of an S3 action, without its prefix, on the request's bucket."""
    bucket = request.parameters.get("Bucket", "")
    policy = _bucket_policy(request, bucket, action)
    return RequiredPermission(f"s3:{action}", f"arn:aws:s3:::{bucket}", resource_policy=policy)


def object_permission(
    request: ApiRequest, action: str, key: str, bucket: str | None = None
) -> RequiredPermission:
    """Return the permission of an S3 action, without its prefix, on an object.

    Parameters
    ----------
    bucket
        The object's bucket; None takes the request's.
    """
    name = request.parameters.get("Bucket", "") if bucket is None else bucket
    policy = _bucket_policy(request, name, action, key)
    context: ConditionKeys = {}
    if action not in WITHOUT_TAGS:
        context = object_tags(name, key, request.parameters.get("VersionId"))
    return RequiredPermission(f"s3:{action}", f"arn:aws:s3:::{name}/{key}", context, policy)


def reading_permissions(
    request: ApiRequest, bucket: str, key: str, version: str | None
) -> list[RequiredPermission]:
    """Return what a call of another service requires that reads an object in the caller's name."""
    action = "GetObjectVersion" if version else "GetObject"
    permissions = [object_permission(request, action, key, bucket)]
    if not request.principal.unrestricted:
        permissions += _decryption(request, bucket, key, version)
    return permissions


def _bucket_policy(request: ApiRequest, bucket: str, action: str, key: str = "") -> ResourcePolicy | None:
    """Return the bucket policy that applies to a request's caller, with what access control lists grant."""
    principal = request.principal
    if principal.unrestricted and request.operation in POLICY_OPERATIONS:
        return None
    policy = policy_store.bucket_policy(bucket)
    if principal.kind == "anonymous" and public_access.closes(bucket):
        policy = None
    needed = action
    if request.operation in WRITES and action in OF_A_WRITE:  # who writes an object owns what it is made with
        needed = "PutObject"
    if list_grants(principal, needed, bucket, key, request.parameters.get("VersionId")):
        policy = with_grant(policy, action)
    return ResourcePolicy(policy) if policy else None


def _object_action(request: ApiRequest) -> str:
    action = OBJECT_ACTIONS[request.operation]
    if request.parameters.get("VersionId") and action in VERSIONED:
        return action.replace("Object", "ObjectVersion", 1)
    return action


def kms_permissions(request: ApiRequest) -> list[RequiredPermission]:
    """Return the KMS actions that S3 takes in the caller's name, for objects under a customer's key.

    Source: S3 user guide, "Using server-side encryption with AWS KMS keys": GetObject needs ``kms:Decrypt``,
    PutObject ``kms:GenerateDataKey``, and a multipart upload both.
    """
    if request.principal.unrestricted:
        return []
    parameters = request.parameters
    bucket, key = parameters.get("Bucket", ""), parameters.get("Key", "")
    if request.operation == "GetObject":
        return _decryption(request, bucket, key, parameters.get("VersionId"))
    if request.operation in ("PutObject", "CreateMultipartUpload"):
        return _encryption(request, bucket, key)
    if request.operation in ("UploadPart", "CompleteMultipartUpload"):
        requested = object_encryption.of_upload(bucket, parameters.get("UploadId"))
        if requested is None:
            return []
        return kms_permissions_on("kms:Decrypt", request, _key_of_new_object(bucket, requested), bucket, key)
    if request.operation in ("CopyObject", "UploadPartCopy"):
        source, source_key, version = copy_source(parameters.get("CopySource", ""))
        permissions = _decryption(request, source, source_key, version or None)
        return permissions + (_encryption(request, bucket, key) if request.operation == "CopyObject" else [])
    return []


def _decryption(request: ApiRequest, bucket: str, key: str, version: str | None) -> list[RequiredPermission]:
    """Return the permission to read an object that exists."""
    stored = object_encryption.of_object(bucket, key, version)
    if not stored.with_kms:
        return []
    return kms_permissions_on("kms:Decrypt", request, stored.key_id, bucket, key)


def _encryption(request: ApiRequest, bucket: str, key: str) -> list[RequiredPermission]:
    """Return the permission to write an object."""
    if request.parameters.get("SSECustomerAlgorithm"):
        return []  # no key of KMS takes part
    requested = Encryption(
        request.parameters.get("ServerSideEncryption"), request.parameters.get("SSEKMSKeyId")
    )
    key_id = _key_of_new_object(bucket, requested)
    return kms_permissions_on("kms:GenerateDataKey", request, key_id, bucket, key)


def _key_of_new_object(bucket: str, requested: Encryption) -> str | None:
    """Return the KMS key that encrypts a new object: the request's, else that of the bucket's default."""
    default = object_encryption.default_of(bucket)
    if not Encryption(requested.algorithm or default.algorithm).with_kms:
        return None
    return requested.key_id or default.key_id


def kms_permissions_on(
    action: str, request: ApiRequest, key_id: str | None, bucket: str, key: str
) -> list[RequiredPermission]:
    """Return the permission of an action on the KMS key of an object; none is needed for AWS's own key."""
    if not key_id or key_id.endswith("alias/aws/s3"):
        return []  # the AWS managed key lets everybody in the account use it through S3
    kms_key = policy_store.key(request.region, key_id)
    if kms_key is None:
        return [RequiredPermission(action, key_id)]
    context: ConditionKeys = {
        "kms:viaservice": f"s3.{request.region}.amazonaws.com",
        "kms:calleraccount": request.account,
        "kms:encryptioncontext:aws:s3:arn": f"arn:aws:s3:::{bucket}/{key}",
        "kms:encryptioncontextkeys": ["aws:s3:arn"],
        "kms:resourcealiases": list(kms_key.aliases),
        "aws:viaawsservice": "true",
        "aws:calledvia": ["s3.amazonaws.com"],
    }
    policy = ResourcePolicy(kms_key.policy, required=True)
    return [RequiredPermission(action, kms_key.arn, context, policy)]
