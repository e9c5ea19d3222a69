"""Patches of moto, one file for each service; each names the behaviour that it corrects."""

from __future__ import annotations

from kennel.localcloud.moto_adapter.patches import (
    auto_scaling,
    core,
    ec2,
    ec2_filters,
    ec2_launch,
    lambda_,
    s3,
    sagemaker,
    secrets_manager,
    sns,
    sqs,
)

_applied: list[bool] = []


def apply_all() -> None:
    """Apply every patch, once in a process."""
    if not _applied:
        _applied.append(True)
        for service in (
            auto_scaling,
            core,
            ec2,
            ec2_filters,
            ec2_launch,
            lambda_,
            s3,
            sagemaker,
            secrets_manager,
            sns,
            sqs,
        ):
            service.apply()
