"""Endpoints for a short time: one instance or a serverless one, beside the endpoint that Terraform deploys.

The model, the endpoint configuration and the endpoint have the same name, so that all three are found by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kennel.aws import Progress, endpoint_lifecycle, instance_types, session
from kennel.aws.infrastructure.stack import Stack


@dataclass(frozen=True)
class ShortLivedEndpoint:
    """What serves beside the stack's own endpoint, with its role, its isolation and its key.

    Parameters
    ----------
    name
        Of the model, the endpoint configuration and the endpoint.
    tags
        Beside those of the stack.
    serverless
        ``memory_mb`` and ``max_concurrency`` of one without instances; None for an instance.
    """

    name: str
    image: str
    model_data_url: str
    instance_type: str
    tags: Mapping[str, str] = field(default_factory=dict)
    serverless: Mapping[str, int] | None = None

    def create(self, stack: Stack, report: Progress) -> None:
        """Create it and wait until it is in service; what has its name already is deleted first.

        Raises
        ------
        StackError
            The container did not start; all that was created has been deleted.
        """
        endpoint_lifecycle.delete(self.name, report)
        try:
            self._create(stack)
            endpoint_lifecycle.wait_until_ready(self.name, report)
        except BaseException:
            endpoint_lifecycle.delete(self.name, report)
            raise

    def _create(self, stack: Stack) -> None:
        sagemaker, settings = session.client("sagemaker"), stack["endpoint"]
        tags = [{"Key": key, "Value": value} for key, value in {**stack["tags"], **self.tags}.items()]
        sagemaker.create_model(
            ModelName=self.name,
            PrimaryContainer={"Image": self.image, "ModelDataUrl": self.model_data_url},
            ExecutionRoleArn=stack["roles"]["endpoint"],
            # As of every model that Kennel makes, see terraform/modules/endpoint.
            EnableNetworkIsolation=self.serverless is None,
            Tags=tags,
        )
        variant = {
            "VariantName": settings["variant"],
            "ModelName": self.name,
            "InitialVariantWeight": 1.0,
            **self._place(settings),
        }
        key = (
            stack["kms_key_arn"] if self.serverless else instance_types.volume_key(stack, self.instance_type)
        )
        sagemaker.create_endpoint_config(
            EndpointConfigName=self.name,
            ProductionVariants=[variant],
            Tags=tags,
            **({"KmsKeyId": key} if key else {}),
        )
        sagemaker.create_endpoint(EndpointName=self.name, EndpointConfigName=self.name, Tags=tags)

    def _place(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the members of a production variant that say what serves."""
        if self.serverless:
            memory, concurrency = self.serverless["memory_mb"], self.serverless["max_concurrency"]
            return {"ServerlessConfig": {"MemorySizeInMB": memory, "MaxConcurrency": concurrency}}
        ami = settings["inference_amis"].get(self.image)
        return {
            "InstanceType": self.instance_type,
            "InitialInstanceCount": 1,
            "ContainerStartupHealthCheckTimeoutInSeconds": settings["startup_timeout_seconds"],
            **({"InferenceAmiVersion": ami} if ami else {}),
        }
