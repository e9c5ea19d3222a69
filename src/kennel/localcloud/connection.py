"""The environment variables that point an AWS SDK, Terraform and the tasks at a local cloud."""

from __future__ import annotations

from kennel.localcloud import OPERATOR_ACCESS_KEY, OPERATOR_SECRET_KEY, REGION


def connection(endpoint_url: str) -> dict[str, str]:
    """Return the variables that point an AWS SDK at a local cloud, credentials apart."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_MAX_ATTEMPTS": "2",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def operator_environment(endpoint_url: str) -> dict[str, str]:
    """Return the variables that make AWS's tools, Terraform and the tasks act as a cloud's operator."""
    return {
        **connection(endpoint_url),
        "AWS_ACCESS_KEY_ID": OPERATOR_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": OPERATOR_SECRET_KEY,
        "TF_VAR_s3_use_path_style": "true",
        "SAGEMAKER_VALIDATE_ROLE": "false",
    }
