"""SageMaker's instance types: botocore lists them (moto's own lists end in 2020), EC2 describes them."""

from __future__ import annotations

from collections.abc import Iterable

from moto.core.utils import get_service_model

from kennel.localcloud.protocol.messages import AwsError


def check_instance_type(value: str, shape: str, member: str) -> None:
    """Refuse an instance type that a shape of the model does not list.

    Parameters
    ----------
    value
        The instance type of the request, e.g. ``ml.m5.large``.
    shape
        The shape in botocore's model that lists the types, e.g. ``ProductionVariantInstanceType``.
    member
        The request's member, as the message names it.

    Raises
    ------
    AwsError
        ``ValidationException``, in AWS's words.
    """
    known = get_service_model("sagemaker").shape_for(shape).enum
    if value not in known:
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(sorted(known))}]",
        )


# Types of SageMaker's with local disks that moto's copy of EC2's DescribeInstanceTypes lacks.
_UNDESCRIBED = {"ml.dl1.24xlarge", "ml.p6e-gb200.36xlarge"}


def has_local_storage(instance_type: str) -> bool:
    """Return whether an instance type has disks of its own (EC2: ``InstanceStorageSupported``)."""
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    described = INSTANCE_TYPES.get(instance_type.removeprefix("ml."), {})
    return instance_type in _UNDESCRIBED or bool(described.get("InstanceStorageSupported"))


def check_volume_key(key: str | None, member: str, instance_types: Iterable[str | None]) -> None:
    """Refuse a KMS key of the volumes where an instance type has local storage, which has no volume.

    "You can't request a VolumeKmsKeyId when using an instance type with local storage"
    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html). The reference of
    CreateEndpointConfig said so too; since 2026 it says that the key does not encrypt the local storage. The
    local cloud refuses it there as well: a key that encrypts nothing is a mistake.

    Parameters
    ----------
    key, member
        The request's key, if it has one, and the member that it is in.
    instance_types
        Of the request.

    Raises
    ------
    AwsError
        ``ValidationException``.
    """
    local = sorted({name for name in instance_types if name and has_local_storage(name)})
    if key and local:
        raise AwsError(
            "ValidationException",
            f"You can't request a {member} when using an instance type with local storage: "
            f"{', '.join(local)}.",
        )
