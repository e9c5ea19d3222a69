"""SageMaker's instance types, as the installed botocore lists them; moto's own lists end in 2020."""

from __future__ import annotations

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
