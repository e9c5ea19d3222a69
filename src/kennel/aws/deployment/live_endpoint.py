"""What the endpoint really runs, against what was wanted: DescribeEndpoint says it, Terraform does not.

The provider reports success when SageMaker rolled an update back
(https://github.com/hashicorp/terraform-provider-aws/issues/46663 and 48997, open).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from kennel.aws import Progress, StackError, session
from kennel.aws.deployment.deployment_record import Deployment
from kennel.aws.infrastructure.stack import Stack

IN_SERVICE = "InService"
MOVING = (
    "Creating",
    "Updating",
    "SystemUpdating",
    "RollingBack",
    "Deleting",
)  # statuses that end by themselves
POLL_SECONDS = 2.0


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
        How many instances of each variant serve now.
    desired
        How many are to serve.
    serverless
        Whether it has no instances, and serves all the same.
    """

    name: str
    configuration: str
    status: str
    reason: str
    instances: dict[str, int]
    desired: dict[str, int]
    serverless: bool = False

    @property
    def serves(self) -> bool:
        """Whether it answers: an update that failed leaves in service what was."""
        has_hosts = self.serverless or any(self.instances.values())
        return has_hosts and self.status not in ("Failed", "OutOfService", "Deleting")


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
    variants = answer.get("ProductionVariants", [])
    return LiveEndpoint(
        name=name,
        configuration=answer["EndpointConfigName"],
        status=answer["EndpointStatus"],
        reason=" ".join(answer.get("FailureReason", "").split()),
        instances={variant["VariantName"]: variant.get("CurrentInstanceCount", 0) for variant in variants},
        desired={variant["VariantName"]: variant.get("DesiredInstanceCount", 0) for variant in variants},
        serverless=any(variant.get("CurrentServerlessConfig") for variant in variants),
    )


def settled(stack: Stack, report: Progress, poll_seconds: float = POLL_SECONDS) -> LiveEndpoint | None:
    """Wait for the end of an update that runs, and return the endpoint; None if there is none.

    SageMaker itself ends an update, at the latest after the time limit that its configuration sets.
    """
    while (live := describe(stack)) and live.status in MOVING:
        report(f"{live.name} is {live.status}")
        time.sleep(poll_seconds)
    return live


def require(stack: Stack, deployment: Deployment) -> LiveEndpoint:
    """Return the endpoint, which serves this deployment.

    Raises
    ------
    StackError
        It does not; the text has SageMaker's reason.
    """
    live, wanted = describe(stack), configuration_of(stack, deployment)
    if live is None:
        raise StackError(f"there is no endpoint {stack['endpoint']['name']}")
    reason = f": {live.reason}" if live.reason else ""
    if live.configuration != wanted:
        raise StackError(f"SageMaker went back to {live.configuration}{reason}")
    if live.status != IN_SERVICE:
        raise StackError(f"{live.name} is {live.status}{reason}")
    variant = stack["endpoint"]["variant"]
    if not live.serverless and not live.instances.get(variant):
        raise StackError(f"no instance of {live.name}'s variant {variant} serves{reason}")
    return live


def keep_instances(stack: Stack, live: LiveEndpoint, count: int, report: Progress) -> None:
    """Raise the number of instances to what it was before, where an older configuration begins with fewer."""
    variant = stack["endpoint"]["variant"]
    if live.serverless or live.desired.get(variant, 0) >= count:
        return
    report(f"{live.name}: {count} instances, as before")
    session.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=live.name,
        DesiredWeightsAndCapacities=[{"VariantName": variant, "DesiredInstanceCount": count}],
    )
    settled(stack, report)


def delete(stack: Stack, report: Progress) -> None:
    """Delete an endpoint that has failed: SageMaker allows nothing else with it."""
    report(f"deleting {stack['endpoint']['name']}, which has failed")
    session.client("sagemaker").delete_endpoint(EndpointName=stack["endpoint"]["name"])
    settled(stack, report)
