"""Authorisation of one call: every action that it implies, on every resource that it touches."""

from __future__ import annotations

from dataclasses import dataclass

from kennel.localcloud.authorization.context import request_context, s3_context
from kennel.localcloud.authorization.permission import Need
from kennel.localcloud.authorization.required_permissions import action_name, needs
from kennel.localcloud.authorization.s3 import encryption_needs
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.policy.evaluate import Policies, Verdict, decide
from kennel.localcloud.policy.policy import AccessRequest
from kennel.localcloud.protocol.messages import AwsError

# The operations by which an account's administrator always gets a bucket back from a policy that denies all.
RESCUES = {"GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"}
QUERY_CODES = {"sns": "AuthorizationError", "ec2": "UnauthorizedOperation"}


@dataclass(frozen=True)
class Decision:
    """The verdict on one action and resource: ``allow``, ``deny`` or ``unrestricted``, and why."""

    action: str
    resource: str
    verdict: str
    reason: str


def authorise(request: ApiRequest) -> list[Decision]:
    """Decide a request.

    Returns
    -------
    One decision for each action and resource; it stops at the first denial.
    """
    unrestricted = request.principal.unrestricted
    wanted = needs(request)
    if not wanted:
        word = "unrestricted" if unrestricted else "allow"
        return [Decision(action_name(request.service, request.operation), "*", word, "needs no permission")]
    if request.service == "s3" and not unrestricted:
        wanted += encryption_needs(request)
    decisions = []
    for need in wanted:
        verdict = judge(request, need)
        word = ("unrestricted" if unrestricted else "allow") if verdict.allowed else "deny"
        decisions.append(Decision(need.action, need.resource, word, verdict.reason))
        if not verdict.allowed:
            break
    return decisions


def permitted(request: ApiRequest, action: str, resource: str, bucket: str = "") -> bool:
    """Whether the caller of a call may do something else as well."""
    return judge(request, Need(action, resource, bucket=bucket)).allowed


def judge(request: ApiRequest, need: Need) -> Verdict:
    """Evaluate one need of a request."""
    principal = request.principal
    context = request_context(request)
    if request.service == "s3":
        context.update(s3_context(request))
    context.update(need.context)
    access = AccessRequest(need.action, need.resource, context, principal)
    rescued = principal.unrestricted and request.operation in RESCUES
    resource = policy_store.bucket_policy(need.bucket) if need.bucket and not rescued else None
    if principal.kind == "anonymous" and _closed_to_public(need.bucket):
        resource = None
    # The operator stands for the account's root, whom keys, queues and topics cannot lock out.
    if need.policy and (request.service == "sts" or not principal.unrestricted):
        resource = need.policy
    return decide(
        Policies(
            identity=policy_store.identity_policies(principal),
            boundary=policy_store.boundary(principal),
            session=policy_store.session_policy(principal),
            resource=resource,
            resource_decides=need.decides and resource is not None,
            unrestricted=principal.unrestricted,
        ),
        access,
    )


def _closed_to_public(bucket: str) -> bool:
    found = policy_store.bucket(bucket)
    block = getattr(found, "public_access_block", None)
    return bool(block and block.restrict_public_buckets)


def denial(request: ApiRequest, decision: Decision) -> AwsError:
    """The error that AWS answers a denied call with, in its words and with its status."""
    resource = f'"{decision.resource}"' if request.service == "s3" else decision.resource
    who = "anonymous" if request.principal.kind == "anonymous" else request.principal.arn
    wanted = f"{decision.action} on resource: {resource}"
    message = f"User: {who} is not authorized to perform: {wanted} {decision.reason}"
    if request.service == "ec2":
        message = f"You are not authorized to perform this operation. {message}"
    if request.service in QUERY_CODES:
        return AwsError(QUERY_CODES[request.service], message, 403)
    # A service that moved from the query protocol to JSON kept its codes and statuses.
    if request.protocol in ("rest-xml", "query") or request.query_compatible:
        return AwsError("AccessDenied", message, 403)
    # JSON services answer 400, REST-JSON ones (Lambda, SageMaker's runtime, X-Ray) 403.
    return AwsError("AccessDeniedException", message, 403 if request.protocol == "rest-json" else 400)
