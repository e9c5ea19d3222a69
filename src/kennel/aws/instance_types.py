"""What differs between instance types: which of them take a KMS key for their volumes."""

from __future__ import annotations

from kennel.aws.infrastructure.stack import Stack


def volume_key(stack: Stack, instance_type: str) -> str | None:
    """Return the KMS key for the volumes of a job's or an endpoint's instances.

    None for a type with local disks: its hardware encrypts them, and SageMaker refuses a key for them.

    Parameters
    ----------
    instance_type
        SageMaker's name of it, e.g. ``ml.g5.xlarge``.
    """
    _, family, *_ = instance_type.split(".")
    key: str = stack["kms_key_arn"]
    return None if family in stack["local_disk_families"] else key
