"""The bucket that holds Terraform's states: one object for each environment, and its lock beside it.

Bucket and key cannot be part of the state that they protect. The key is not the stack's: a destroyed stack's
key is deleted, and with it all that it has encrypted.
"""

from __future__ import annotations

import json
from typing import Any

from kennel.aws import Progress, StackError, session
from kennel.aws.session import Workspace

# The key of all states of an account and region. An alias, so that an organisation can name a key of its own.
KEY = "alias/kennel-state"


def backend(workspace: Workspace) -> dict[str, str]:
    """Return the settings of the S3 backend for this environment's state."""
    return {
        "bucket": name(),
        "key": f"kennel/{workspace.environment}.tfstate",
        "kms_key_id": KEY,
        "region": session.region(),
        "use_path_style": str(session.s3_use_path_style()).lower(),
    }


def name() -> str:
    """Return the name of the bucket of this account and region."""
    return f"kennel-state-{session.account_id()}-{session.region()}"


def owned() -> dict[str, str]:
    """Return the parameters of a call to S3 that name the bucket and its owner.

    With the owner, S3 refuses a bucket of that name in another account: names of buckets can be guessed, and
    states contain secrets. Terraform's backend cannot name the owner, so `exists` is asked first.
    """
    return {"Bucket": name(), "ExpectedBucketOwner": session.account_id()}


def place(key: str) -> dict[str, str]:
    """Return the parameters of a call to S3 that name an object in the bucket, and the bucket's owner."""
    return {**owned(), "Key": key}


def exists() -> bool:
    """Return whether the bucket is there.

    Raises
    ------
    StackError
        It belongs to another account, or refuses this caller.
    """
    from botocore.exceptions import ClientError

    try:
        session.client("s3").head_bucket(**owned())
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 404:
            return False
        if status == 403:
            raise _refused() from error
        raise
    return True


def ensure(report: Progress) -> None:
    """Create the bucket and its key if they are missing, and protect the bucket.

    Raises
    ------
    StackError
        The bucket belongs to another account, or refuses this caller.
    """
    s3 = session.client("s3")
    if not exists():
        report(f"creating the state bucket {name()}")
        _create()
    key = _key(report)
    # Set each time: an interrupted run may have left the bucket without protection.
    s3.put_bucket_versioning(**owned(), VersioningConfiguration={"Status": "Enabled"})
    s3.put_public_access_block(
        **owned(),
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
    )
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        **owned(),
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
        },
    )
    s3.put_bucket_policy(**owned(), Policy=json.dumps(_policy()))


def _create() -> None:
    s3 = session.client("s3")
    region = session.region()
    # S3 rejects us-east-1 as a location constraint.
    location: dict[str, Any] = (
        {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    )
    try:
        s3.create_bucket(Bucket=name(), **location)
    except s3.exceptions.BucketAlreadyExists as error:
        raise _refused() from error


def _key(report: Progress) -> str:
    """Return the ARN of the states' key, which is created if there is none."""
    kms = session.client("kms")
    try:
        return str(kms.describe_key(KeyId=KEY)["KeyMetadata"]["Arn"])
    except kms.exceptions.NotFoundException:
        report(f"creating the key {KEY}")
    key = kms.create_key(Description="Terraform's states of Kennel: secrets among them")["KeyMetadata"]
    kms.enable_key_rotation(KeyId=key["KeyId"])
    kms.create_alias(AliasName=KEY, TargetKeyId=key["KeyId"])  # last: what has the alias is complete
    return str(key["Arn"])


def _policy() -> dict[str, Any]:
    """Return the bucket's policy: no access without TLS."""
    bucket = f"arn:{session.partition()}:s3:::{name()}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "DenyWithoutTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [bucket, f"{bucket}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def _refused() -> StackError:
    return StackError(
        f"the bucket {name()} is not usable for Terraform's state: it belongs to another account than "
        f"{session.account_id()}, or does not allow you s3:ListBucket; ask its owner, or use another region"
    )
