"""The control plane: what moto lacks or gets wrong, one file per AWS service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kennel.localcloud.control import (
    applicationautoscaling,
    awslambda,
    budgets,
    cloudwatch,
    ec2,
    iam,
    s3,
    sagemaker,
    sqs,
    sts,
)

if TYPE_CHECKING:
    from kennel.localcloud.cloud import Cloud

SERVICES = (applicationautoscaling, awslambda, budgets, cloudwatch, ec2, iam, s3, sagemaker, sqs, sts)
_mended: set[str] = set()


def prepare(cloud: Cloud) -> None:
    """Mend moto's classes (once in a process), and seed what AWS itself owns in every account.

    Importing a service's file registers its operations; its ``mend`` and ``seed``, if any, run here.
    """
    for service in SERVICES:
        mend, seed = getattr(service, "mend", None), getattr(service, "seed", None)
        if mend and service.__name__ not in _mended:
            mend()
            _mended.add(service.__name__)
        if seed:
            seed(cloud)
