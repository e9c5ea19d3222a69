"""What the endpoint really runs, against what was wanted: DescribeEndpoint says it, Terraform does not.

The provider reports success when SageMaker rolled an update back
(https://github.com/hashicorp/terraform-provider-aws/issues/46663 and 48997, open).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kennel.aws import session
from kennel.aws.deployment_record import Deployment
from kennel.aws.stack import Stack


@dataclass(frozen=True)
class LiveEndpoint:
    """An endpoint as SageMaker describes it.

    Parameters
    ----------
    configuration
        Name of the endpoint configuration that serves.
    status
        InService, Updating, RollingBack, Failed, …
    reason
        SageMaker's own words about the last failure; empty if there was none.
    instances
        The desired number of instances of each variant.
    """

    name: str
    configuration: str
    status: str
    reason: str
    instances: dict[str, int]


def configuration_of(stack: Stack, deployment: Deployment) -> str:
    """Return the name that Terraform gives a deployment's model and endpoint configuration."""
    return f"{stack['name']}-deployment-{deployment.deployment}"


def describe(stack: Stack) -> LiveEndpoint | None:
    """Return the endpoint of a stack; None if there is none."""
    from botocore.exceptions import ClientError

    name = stack["endpoint"]["name"]
    try:
        answer: dict[str, Any] = session.client("sagemaker").describe_endpoint(EndpointName=name)
    except ClientError as error:
        details = error.response["Error"]
        # SageMaker has no code of its own for what does not exist.
        if details["Code"] == "ValidationException" and "Could not find" in details["Message"]:
            return None
        raise
    return LiveEndpoint(
        name=name,
        configuration=answer["EndpointConfigName"],
        status=answer["EndpointStatus"],
        reason=" ".join(answer.get("FailureReason", "").split()),
        instances={
            variant["VariantName"]: variant.get("DesiredInstanceCount", 0)
            for variant in answer.get("ProductionVariants", [])
        },
    )
