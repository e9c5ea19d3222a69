"""moto's records of SageMaker's resources, where only a private attribute of moto leads to them."""

from __future__ import annotations

from typing import Any

from moto.sagemaker.models import sagemaker_backends

from kennel.localcloud import ACCOUNT_ID


def key_of_endpoint_config(region: str, name: str) -> str | None:
    """Return the KMS key that an endpoint configuration names for its volumes; None without one."""
    config = sagemaker_backends[ACCOUNT_ID][region].endpoint_configs.get(name)
    return config.kms_key_id if config else None


def model(backend: Any, name: str) -> Any:
    """Return moto's record of a model, or None.

    Parameters
    ----------
    backend
        moto's backend of SageMaker for an account and region.
    name
        The model's name.
    """
    return backend._models.get(name)


def tagged_resource(backend: Any, arn: str) -> Any:
    """Return moto's record of the resource with an ARN; its tags are a list in the attribute ``tags``.

    Parameters
    ----------
    backend
        As for `model`.
    arn
        The ARN of a resource of any kind; moto itself finds no notebook instance lifecycle configuration.

    Returns
    -------
    None if the resource does not exist, or moto keeps no tags of its kind.
    """
    kind, _, name = arn.split(":")[-1].partition("/")
    try:
        if kind == "notebook-instance-lifecycle-config":
            resource = backend.notebook_instance_lifecycle_configurations.get(name)
        else:
            resource = backend._get_resource_from_arn(arn)
    except (AttributeError, ValueError, TypeError):  # a kind that moto does not know, or no ARN
        return None
    return resource if hasattr(resource, "tags") else None
