"""What SageMaker checks alike of its processing and transform jobs, whose errors name the kind."""

from __future__ import annotations

from collections.abc import Container

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.sagemaker.training.record import FINAL_STATUSES


def check_name(call: Call, kind: str, name: str, known: Container[str]) -> None:
    """Refuse a job whose name another one has.

    Parameters
    ----------
    kind
        ``processing`` or ``transform``.

    Raises
    ------
    AwsError
        ``ResourceInUse``.
    """
    if name in known:
        raise AwsError(
            "ResourceInUse",
            f"{kind.capitalize()} job names must be unique within an AWS account and region, and a {kind} "
            f"job with this name already exists ({call.arn(f'{kind}-job/{name}')})",
        )


def check_can_stop(kind: str, status: str) -> None:
    """Refuse to stop a job that has ended.

    Parameters
    ----------
    kind
        ``processing`` or ``transform``.
    status
        The job's.

    Raises
    ------
    AwsError
        ``ValidationException``.
    """
    if status in FINAL_STATUSES:
        message = f"The request was rejected because the {kind} job is in status {status}."
        raise AwsError("ValidationException", message)
