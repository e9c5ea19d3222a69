"""Which IAM actions, on which ARNs, each operation needs; by default its own name on ``*``.

Source: AWS Service Authorization Reference.
"""

from __future__ import annotations

from kennel.localcloud.authorization.pass_role import passed_roles
from kennel.localcloud.authorization.permission import Need
from kennel.localcloud.authorization.resources import CONTEXTS, RESOURCES, key_of
from kennel.localcloud.authorization.s3 import s3_needs
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.policy.policy import Policy

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


def needs(request: ApiRequest) -> list[Need]:
    """Every action on every resource that a call needs, first the operation's own."""
    if (request.service, request.operation) in FREE:
        return []
    if request.service == "s3":
        return s3_needs(request)
    action = action_name(request.service, request.operation)
    resources = RESOURCES.get(request.service, _any)(request) or ["*"]
    context = CONTEXTS.get(request.service, _no_context)(request)
    policy = _resource_policy(request)
    decides = request.service in DECIDING
    found = [Need(action, resource, context, policy=policy, decides=decides) for resource in resources]
    if (
        request.service == "sagemaker"
        and request.operation.startswith("Create")
        and request.parameters.get("Tags")
    ):
        found.append(Need("sagemaker:AddTags", resources[0]))
    return found + passed_roles(request)


def action_name(service: str, operation: str) -> str:
    """The IAM action of an operation."""
    return RENAMED.get((service, operation)) or f"{PREFIXES.get(service, service)}:{operation}"


def _any(request: ApiRequest) -> list[str]:
    return ["*"]


def _no_context(request: ApiRequest) -> dict[str, str | list[str]]:
    return {}


def _resource_policy(request: ApiRequest) -> Policy | None:
    """The policy of the role, key, queue, topic or function that a call is about."""
    if request.service == "sts":
        role = policy_store.role(request.parameters.get("RoleArn", ""))
        return policy_store.trust_policy(role) if role else policy_store.NOTHING
    if request.service == "kms":
        found = key_of(request)
        return policy_store.key_policy(found) if found else None
    if request.service in policy_store.ATTACHED:
        return policy_store.attached_policy(
            request.service, request.region, RESOURCES[request.service](request)
        )
    return None
