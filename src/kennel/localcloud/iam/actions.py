"""Which IAM actions, on which ARNs, each operation needs; by default its own name on ``*``.

Source: AWS Service Authorization Reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kennel.localcloud.iam import documents
from kennel.localcloud.iam.needs import Need
from kennel.localcloud.iam.passing import passed_roles
from kennel.localcloud.iam.policy import Policy
from kennel.localcloud.iam.resources import CONTEXTS, RESOURCES, key_of
from kennel.localcloud.iam.s3_actions import s3_needs

if TYPE_CHECKING:
    from kennel.localcloud.call import Call

PREFIXES = {
    "sagemaker-runtime": "sagemaker",
    "sagemaker-metrics": "sagemaker",
    "accessanalyzer": "access-analyzer",
    "s3control": "s3",
    "elbv2": "elasticloadbalancing",
    "stepfunctions": "states",
    "service-quotas": "servicequotas",
    "resourcegroupstaggingapi": "tag",
}
RENAMED = {
    ("lambda", "Invoke"): "lambda:InvokeFunction",
    ("lambda", "InvokeWithResponseStream"): "lambda:InvokeFunction",
    ("sagemaker-runtime", "InvokeEndpointWithResponseStream"): "sagemaker:InvokeEndpoint",
    ("sqs", "SendMessageBatch"): "sqs:SendMessage",
    ("sqs", "DeleteMessageBatch"): "sqs:DeleteMessage",
    ("sqs", "ChangeMessageVisibilityBatch"): "sqs:ChangeMessageVisibility",
    ("sns", "PublishBatch"): "sns:Publish",
    ("budgets", "DescribeBudget"): "budgets:ViewBudget",
    ("budgets", "DescribeBudgets"): "budgets:ViewBudget",
    ("budgets", "CreateBudget"): "budgets:ModifyBudget",
    ("budgets", "UpdateBudget"): "budgets:ModifyBudget",
    ("budgets", "DeleteBudget"): "budgets:ModifyBudget",
    ("xray", "PutTraceSegments"): "xray:PutTraceSegments",
}
# Services whose resources' own policies decide, together with the caller's.
DECIDING = {"kms", "sts"}
# Calls that need no permission, and that no policy can refuse.
FREE = {
    ("sts", "GetCallerIdentity"),
    ("sts", "GetSessionToken"),
    ("sts", "GetFederationToken"),
    ("sts", "GetAccessKeyInfo"),
}


def needs(call: Call) -> list[Need]:
    """Every action on every resource that a call needs, first the operation's own."""
    if (call.service, call.operation) in FREE:
        return []
    if call.service == "s3":
        return s3_needs(call)
    action = action_name(call.service, call.operation)
    resources = RESOURCES.get(call.service, _any)(call) or ["*"]
    context = CONTEXTS.get(call.service, _no_context)(call)
    policy = _resource_policy(call)
    decides = call.service in DECIDING
    found = [Need(action, resource, context, policy=policy, decides=decides) for resource in resources]
    if call.service == "sagemaker" and call.operation.startswith("Create") and call.parameters.get("Tags"):
        found.append(Need("sagemaker:AddTags", resources[0]))
    return found + passed_roles(call)


def action_name(service: str, operation: str) -> str:
    """The IAM action of an operation."""
    return RENAMED.get((service, operation)) or f"{PREFIXES.get(service, service)}:{operation}"


def _any(call: Call) -> list[str]:
    return ["*"]


def _no_context(call: Call) -> dict[str, str | list[str]]:
    return {}


def _resource_policy(call: Call) -> Policy | None:
    """The policy of the role, key, queue, topic or function that a call is about."""
    if call.service == "sts":
        role = documents.role(call.parameters.get("RoleArn", ""))
        return documents.trust_policy(role) if role else documents.NOTHING
    if call.service == "kms":
        found = key_of(call)
        return documents.key_policy(found) if found else None
    if call.service in documents.ATTACHED:
        return documents.attached_policy(call.service, call.region, RESOURCES[call.service](call))
    return None
