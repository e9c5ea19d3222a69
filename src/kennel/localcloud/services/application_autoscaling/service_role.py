"""The service-linked roles by which capacities are set, and these calls in the audit log.

https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html
"""

from __future__ import annotations

from kennel.localcloud.dispatch.audit_log import ImmediateAudit
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.services.application_autoscaling import resources
from kennel.localcloud.services.application_autoscaling.resources import VARIANTS
from kennel.localcloud.services.application_autoscaling.state import SERVICE, Key

REASON = "the service-linked role's policy allows it"
REFUSED = 400


def name_of(key: Key) -> str:
    """Return the name of the role that scales a target."""
    kind = resources.kind_of(key)
    return f"AWSServiceRoleForApplicationAutoScaling_{kind.role if kind else key[0].title()}"


def arn_of(account: str, key: Key) -> str:
    """Return the ARN of the role that scales a target."""
    path = f"aws-service-role/{key[0]}.{SERVICE}.amazonaws.com"
    return f"arn:aws:iam::{account}:role/{path}/{name_of(key)}"


def record(cloud: Cloud, key: Key, capacity: int, *, taken: bool) -> None:
    """Write into the audit log that the role set a capacity.

    Parameters
    ----------
    taken
        Whether the service took it.
    """
    session = f"arn:aws:sts::{cloud.account}:assumed-role/{name_of(key)}/{SERVICE}"
    resource = f"arn:aws:{key[0]}:{cloud.region}:{cloud.account}:{key[1].partition('/variant/')[0]}"
    status = None if taken else REFUSED
    ImmediateAudit(cloud.audit_log).record(
        session, _action(key, capacity), resource, "allow", REASON, status=status
    )


def _action(key: Key, capacity: int) -> str:
    if (key[0], key[2]) == VARIANTS:
        return "sagemaker:UpdateEndpointWeightsAndCapacities"
    return f"lambda:{'Put' if capacity else 'Delete'}ProvisionedConcurrencyConfig"
