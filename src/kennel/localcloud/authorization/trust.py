"""Trust policies: whether a service of AWS may assume a role, and the session that it gets."""

from __future__ import annotations

from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.dispatch.audit_log import ImmediateAudit
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.moto_adapter import credential_store, policy_store
from kennel.localcloud.moto_adapter.credential_store import SessionCredentials
from kennel.localcloud.policy.evaluate import Decision, ResourcePolicy
from kennel.localcloud.policy.principal import service_principal
from kennel.localcloud.protocol.messages import AwsError

# aws:SourceAccount is set by these services when they assume a role, and not by ec2.amazonaws.com. For tuning
# jobs and notebook instances AWS does not document that SageMaker sets it.
SETS_SOURCE_ACCOUNT = {
    "sagemaker.amazonaws.com",
    "lambda.amazonaws.com",
    "scheduler.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
    "events.amazonaws.com",
}
ASSUME_ROLE = "sts:AssumeRole"


def check_service_trust(
    authorizer: Authorizer, account: str, role_arn: str, service: str, *, names_account: bool = True
) -> Decision:
    """Check whether a role's trust policy lets a service of AWS assume it, for a resource of this account.

    Parameters
    ----------
    service
        The service's host name, e.g. ``sagemaker.amazonaws.com``.
    names_account
        Whether the service sets aws:SourceAccount for such a resource, if it does for others.
    """
    principal, role = service_principal(service), policy_store.role(role_arn)
    if role is None:
        missing = Decision("implicitDeny", f"because there is no role {role_arn}")
        return authorizer.report(principal, ASSUME_ROLE, role_arn, missing)
    context = {"aws:securetransport": "true"}
    if names_account and service in SETS_SOURCE_ACCOUNT:
        context["aws:sourceaccount"] = account
    return authorizer.check(
        principal,
        ASSUME_ROLE,
        role_arn,
        context,
        resource_policy=ResourcePolicy(role.trust_policy, required=True),
    )


def assume_for_service(
    cloud: Cloud, role_arn: str, service: str, session_name: str | None, seconds: int
) -> SessionCredentials:
    """Create a session of a role for a service of AWS.

    Parameters
    ----------
    session_name
        None takes the service's name.
    seconds
        How long the credentials are valid.

    Raises
    ------
    AwsError
        ``AccessDenied``: there is no such role, or its trust policy does not let the service assume it.
    """
    authorizer = Authorizer(ImmediateAudit(cloud.audit_log))
    decision = check_service_trust(authorizer, cloud.account, role_arn, service)
    if not decision.allowed:
        raise AwsError(
            "AccessDenied",
            f"User: {service} is not authorized to perform: {ASSUME_ROLE} "
            f"on resource: {role_arn} {decision.reason}",
            403,
        )
    return credential_store.create_session(role_arn, session_name or service.split(".")[0], seconds)
