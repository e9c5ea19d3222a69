"""Endpoints for a short time: one instance beside the endpoint that Terraform deploys, with its own name.

The model, the endpoint configuration and the endpoint have the same name, so that all three are found by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kennel.aws import Progress, endpoint_lifecycle, instance_types, session
from kennel.aws.infrastructure.stack import Stack


@dataclass(frozen=True)
class ShortLivedEndpoint:
    """What one instance serves, with the role, the isolation and the key of the stack's own endpoint.

    Parameters
    ----------
    name
        Of the model, the endpoint configuration and the endpoint.
    tags
        Beside those of the stack.
    """

    name: str
    image: str
    model_data_url: str
    instance_type: str
    tags: Mapping[str, str] = field(default_factory=dict)

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
            EnableNetworkIsolation=True,  # of every model that Kennel makes, see terraform/modules/endpoint
            Tags=tags,
        )
        variant = {
            "VariantName": settings["variant"],
            "ModelName": self.name,
            "InstanceType": self.instance_type,
            "InitialInstanceCount": 1,
            "InitialVariantWeight": 1.0,
            "ContainerStartupHealthCheckTimeoutInSeconds": settings["startup_timeout_seconds"],
        }
        if ami := settings["inference_amis"].get(self.image):
            variant["InferenceAmiVersion"] = ami
        key = instance_types.volume_key(stack, self.instance_type)
        sagemaker.create_endpoint_config(
            EndpointConfigName=self.name,
            ProductionVariants=[variant],
            Tags=tags,
            **({"KmsKeyId": key} if key else {}),
        )
        sagemaker.create_endpoint(EndpointName=self.name, EndpointConfigName=self.name, Tags=tags)
