"""Whether SageMaker may assume an execution role: it checks so when it creates what runs with the role."""

from __future__ import annotations

from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.authorization.trust import check_service_trust
from kennel.localcloud.dispatch.audit_log import ImmediateAudit
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.protocol.messages import AwsError

SERVICE = "sagemaker.amazonaws.com"


def require_trust(cloud: Cloud, role_arn: str) -> None:
    """Refuse a role that SageMaker may not assume where it does not name the account: tuning, notebooks.

    Raises
    ------
    AwsError
        ``ValidationException``: SageMaker may not assume the role.
    """
    authorizer = Authorizer(ImmediateAudit(cloud.audit_log))
    if not check_service_trust(authorizer, cloud.account, role_arn, SERVICE, names_account=False).allowed:
        raise not_assumable(role_arn)


def not_assumable(role_arn: str) -> AwsError:
    """Return SageMaker's error for a role that it may not assume."""
    return AwsError(
        "ValidationException",
        f"Could not assume role {role_arn}. Please ensure that the role exists and allows "
        f"principal '{SERVICE}' to assume the role.",
    )
