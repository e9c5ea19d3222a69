"""Trust policies: who may assume a role, and the sessions that come of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kennel.localcloud.authorization.context import principal_context
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.policy.evaluate import Policies, Verdict, decide
from kennel.localcloud.policy.policy import AccessRequest
from kennel.localcloud.policy.principal import service_principal
from kennel.localcloud.protocol.messages import AwsError

if TYPE_CHECKING:
    from kennel.localcloud.dispatch.cloud import Cloud

# aws:SourceAccount is set by these services when they assume a role, and not by ec2.amazonaws.com.
SETS_SOURCE_ACCOUNT = {
    "sagemaker.amazonaws.com",
    "lambda.amazonaws.com",
    "scheduler.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
    "events.amazonaws.com",
}
ASSUME = "sts:AssumeRole"


def judge_service(account: str, role: Any, service: str, source_arn: str | None = None) -> Verdict:
    """Whether a role's trust policy lets a service of AWS assume it, for a resource of this account."""
    principal = service_principal(service)
    context = {**principal_context(principal), "aws:securetransport": "true"}
    if service in SETS_SOURCE_ACCOUNT:
        context["aws:sourceaccount"] = account
        if source_arn:
            context["aws:sourcearn"] = source_arn
    policies = Policies(resource=policy_store.trust_policy(role), resource_decides=True)
    return decide(policies, AccessRequest(ASSUME, role.arn, context, principal))


def assume_for_service(
    cloud: Cloud, role_arn: str, service: str, session_name: str | None, seconds: int
) -> Any:
    """Mint a session of a role for a service of AWS; the audit log gets the decision.

    Raises
    ------
    AwsError
        ``AccessDenied``: there is no such role, or its trust policy does not let the service assume it.
    """
    from moto.sts.models import sts_backends

    role = policy_store.role(role_arn)
    verdict = (
        judge_service(cloud.account, role, service)
        if role
        else Verdict(False, f"because there is no role {role_arn}")
    )
    cloud.record(service, ASSUME, role_arn, "allow" if verdict.allowed else "deny", verdict.reason)
    if not verdict.allowed:
        raise AwsError(
            "AccessDenied",
            f"User: {service} is not authorized to perform: {ASSUME} "
            f"on resource: {role_arn} {verdict.reason}",
            403,
        )
    return sts_backends[cloud.account]["aws"].assume_role(
        region_name=cloud.region,
        role_session_name=session_name or service.split(".")[0],
        role_arn=role_arn,
        policy="",
        duration=seconds,
        external_id="",
    )
