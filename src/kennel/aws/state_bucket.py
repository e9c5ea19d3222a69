"""The bucket that holds Terraform's states: one object for each environment, and its lock beside it."""

from __future__ import annotations

from typing import Any

from kennel.aws import Progress, session
from kennel.aws.session import Workspace


def backend(workspace: Workspace) -> dict[str, str]:
    """Return the settings of the S3 backend for this environment's state."""
    return {
        "bucket": f"kennel-state-{session.account_id()}-{session.region()}",
        "key": f"kennel/{workspace.environment}.tfstate",
        "region": session.region(),
        "use_path_style": str(session.s3_use_path_style()).lower(),
    }


def ensure(bucket: str, region: str, report: Progress) -> None:
    """Create the state bucket if it is missing, and protect it.

    It cannot be part of the state that it holds.
    """
    from botocore.exceptions import ClientError

    s3 = session.client("s3")
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        report(f"creating the state bucket {bucket}")
        # S3 rejects us-east-1 as a location constraint.
        location: dict[str, Any] = (
            {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        s3.create_bucket(Bucket=bucket, **location)
    # Set each time: an interrupted run may have left the bucket without protection.
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [
                {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
            ]
        },
    )
