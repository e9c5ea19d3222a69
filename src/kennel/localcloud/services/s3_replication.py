"""S3: which objects of a bucket are replicated, and to where; checked when it is set.

Source: S3 API reference, PutBucketReplication; S3 user guide, "Replication configuration".
"""

from __future__ import annotations

import secrets
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.coverage import refusal
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.moto_adapter.bucket_configurations import configurations_of
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.s3_access import malformed_xml

KIND = "Replication"  # of the configurations that are kept with a bucket's record
ARN = "arn:aws:s3:::"
GUIDE = "Please refer to S3 Developer Guide for more information."
OTHER_ACCOUNT = refusal(
    "s3",
    "replication to buckets of other accounts",
    "there is one account here; name a bucket of it",
    "NotImplemented",
    501,
)
EXISTING = refusal(
    "s3", "replication of objects that are there already", "copy them yourself", "NotImplemented", 501
)


@operation("s3", "PutBucketReplication")
def put_bucket_replication(call: Call) -> Response:
    """Set what of a bucket is replicated from now on; moto loses filters, delete markers and priorities.

    Raises
    ------
    AwsError
        ``InvalidRequest`` or ``MalformedXML``: S3 takes no such configuration; ``NotImplemented``.
    """
    parameters = call.parameters
    settings = parameters["ReplicationConfiguration"]
    if not settings.get("Role") or not settings.get("Rules"):
        raise malformed_xml()
    bucket = call.backend().get_bucket(parameters["Bucket"])
    if bucket.versioning_status == "Enabled":  # else moto says so
        for rule in settings["Rules"]:
            _check(call, bucket.name, rule)
    response = call.ask_moto()
    if response.ok:
        kept = configurations_of(bucket, KIND)
        rules = [{"ID": secrets.token_urlsafe(36), **rule} for rule in settings["Rules"]]
        kept.update(Role=settings["Role"], Rules=rules)
    return response


@operation("s3", "GetBucketReplication")
def get_bucket_replication(call: Call) -> Response | dict[str, Any]:
    """Return what of a bucket is replicated."""
    kept = configurations_of(call.backend().get_bucket(call.parameters["Bucket"]), KIND)
    return {"ReplicationConfiguration": kept} if kept else call.ask_moto()


@operation("s3", "DeleteBucketReplication")
def delete_bucket_replication(call: Call) -> Response:
    """Let nothing be replicated any more; what was stays."""
    configurations_of(call.backend().get_bucket(call.parameters["Bucket"]), KIND).clear()
    return call.ask_moto()


def _check(call: Call, bucket: str, rule: dict[str, Any]) -> None:
    destination = rule.get("Destination") or {}
    target = destination.get("Bucket", "").removeprefix(ARN)
    criteria = rule.get("SourceSelectionCriteria") or {}
    if not target or rule.get("Status") not in ("Enabled", "Disabled"):
        raise malformed_xml()
    if destination.get("Account", call.account) != call.account:
        raise OTHER_ACCOUNT.error("replication to a bucket of another account")
    record = policy_store.bucket_record(target)
    if record is None:
        raise AwsError("InvalidRequest", "Destination bucket must exist.")
    if target == bucket:
        raise AwsError("InvalidRequest", "Destination bucket cannot be the same as source bucket.")
    if record.versioning_status != "Enabled":
        raise AwsError("InvalidRequest", "Destination bucket must have versioning enabled.")
    if is_enabled(rule, "ExistingObjectReplication"):
        raise EXISTING.error()
    if "Filter" in rule:
        if "DeleteMarkerReplication" not in rule:
            message = f"DeleteMarkerReplication must be specified for this version of {_SCHEMA}. {GUIDE}"
            raise AwsError("InvalidRequest", message)
        if filter_of(rule)[1] and is_enabled(rule, "DeleteMarkerReplication"):
            message = f"Delete marker replication is not supported if any Tag filter is specified. {GUIDE}"
            raise AwsError("InvalidRequest", message)
    if is_enabled(criteria, "SseKmsEncryptedObjects") and not replica_key(rule):
        message = "ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present."
        raise AwsError("InvalidRequest", message)


_SCHEMA = "Cross Region Replication configuration schema"


def is_enabled(settings: dict[str, Any], member: str) -> bool:
    """Whether a part of a rule has the status ``Enabled``."""
    return (settings.get(member) or {}).get("Status") == "Enabled"


def replica_key(rule: dict[str, Any]) -> str | None:
    """Return the KMS key that encrypts a rule's replicas of encrypted objects."""
    settings = (rule.get("Destination") or {}).get("EncryptionConfiguration") or {}
    key: str | None = settings.get("ReplicaKmsKeyID")
    return key


def filter_of(rule: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the prefix and the tags that an object has to which a rule applies."""
    chosen = rule.get("Filter") or {}
    both = chosen.get("And") or {}
    prefix: str = both.get("Prefix") or chosen.get("Prefix") or rule.get("Prefix") or ""
    tags = [*both.get("Tags", ()), *([chosen["Tag"]] if chosen.get("Tag") else ())]
    return prefix, {tag["Key"]: tag["Value"] for tag in tags}
