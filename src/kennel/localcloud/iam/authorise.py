"""Authorisation of one call: every action that it implies, on every resource that it touches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kennel.localcloud.call import AwsError
from kennel.localcloud.iam import documents
from kennel.localcloud.iam.actions import action_name, needs
from kennel.localcloud.iam.context import request_context, s3_context
from kennel.localcloud.iam.evaluate import Policies, Verdict, decide
from kennel.localcloud.iam.needs import Need
from kennel.localcloud.iam.policy import Request
from kennel.localcloud.iam.s3_actions import encryption_needs

if TYPE_CHECKING:
    from kennel.localcloud.call import Call

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


def authorise(call: Call) -> list[Decision]:
    """Decide a call.

    Returns
    -------
    One decision for each action and resource; it stops at the first denial.
    """
    unrestricted = call.principal.unrestricted
    wanted = needs(call)
    if not wanted:
        word = "unrestricted" if unrestricted else "allow"
        return [Decision(action_name(call.service, call.operation), "*", word, "needs no permission")]
    if call.service == "s3" and not unrestricted:
        wanted += encryption_needs(call)
    decisions = []
    for need in wanted:
        verdict = judge(call, need)
        word = ("unrestricted" if unrestricted else "allow") if verdict.allowed else "deny"
        decisions.append(Decision(need.action, need.resource, word, verdict.reason))
        if not verdict.allowed:
            break
    return decisions


def permitted(call: Call, action: str, resource: str, bucket: str = "") -> bool:
    """Whether the caller of a call may do something else as well."""
    return judge(call, Need(action, resource, bucket=bucket)).allowed


def judge(call: Call, need: Need) -> Verdict:
    """Evaluate one need of a call."""
    principal = call.principal
    context = request_context(call)
    if call.service == "s3":
        context.update(s3_context(call))
    context.update(need.context)
    request = Request(need.action, need.resource, context, principal)
    rescued = principal.unrestricted and call.operation in RESCUES
    resource = documents.bucket_policy(need.bucket) if need.bucket and not rescued else None
    if principal.kind == "anonymous" and _closed_to_public(need.bucket):
        resource = None
    # The operator stands for the account's root, whom keys, queues and topics cannot lock out.
    if need.policy and (call.service == "sts" or not principal.unrestricted):
        resource = need.policy
    return decide(
        Policies(
            identity=documents.identity_policies(principal),
            boundary=documents.boundary(principal),
            session=documents.session_policy(principal),
            resource=resource,
            resource_decides=need.decides and resource is not None,
            unrestricted=principal.unrestricted,
        ),
        request,
    )


def _closed_to_public(bucket: str) -> bool:
    found = documents.bucket(bucket)
    block = getattr(found, "public_access_block", None)
    return bool(block and block.restrict_public_buckets)


def denial(call: Call, decision: Decision) -> AwsError:
    """The error that AWS answers a denied call with, in its words and with its status."""
    resource = f'"{decision.resource}"' if call.service == "s3" else decision.resource
    who = "anonymous" if call.principal.kind == "anonymous" else call.principal.arn
    wanted = f"{decision.action} on resource: {resource}"
    message = f"User: {who} is not authorized to perform: {wanted} {decision.reason}"
    if call.service == "ec2":
        message = f"You are not authorized to perform this operation. {message}"
    if call.service in QUERY_CODES:
        return AwsError(QUERY_CODES[call.service], message, 403)
    # A service that moved from the query protocol to JSON kept its codes and statuses.
    compatible = "awsQueryCompatible" in call.model.service_model.metadata
    if call.protocol in ("rest-xml", "query") or compatible:
        return AwsError("AccessDenied", message, 403)
    # JSON services answer 400, REST-JSON ones (Lambda, SageMaker's runtime, X-Ray) 403.
    return AwsError("AccessDeniedException", message, 403 if call.protocol == "rest-json" else 400)
