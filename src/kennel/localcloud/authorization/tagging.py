"""Tags that a call gives to what it creates: the permission that they require beside the call's own.

Source: AWS Service Authorization Reference, the dependent actions of each action; the API references of the
services, e.g. of SQS: CreateQueue with tags needs sqs:TagQueue.
"""

from __future__ import annotations

import re

from kennel.localcloud.authorization.permission import RequiredPermission
from kennel.localcloud.authorization.request_tags import PARAMETERS, specifications
from kennel.localcloud.authorization.resource_types import bound_resources
from kennel.localcloud.dispatch.request import ApiRequest

# Operations that create something, perhaps with tags; those that tag what exists have an action of their own.
CREATES = re.compile(
    r"(Create|Put|Register|Import|Copy|Restore|Run|Start|Allocate|Upload|Request|Authorize)[A-Z]"
)
# The action of a service's that tags require beside the operation's.
ACTIONS = {
    "application-autoscaling": "application-autoscaling:TagResource",
    "budgets": "budgets:TagResource",
    "cloudtrail": "cloudtrail:AddTags",
    "cloudwatch": "cloudwatch:TagResource",
    "dynamodb": "dynamodb:TagResource",
    "ecr": "ecr:TagResource",
    "ecs": "ecs:TagResource",
    "events": "events:TagResource",
    "kms": "kms:TagResource",
    "lambda": "lambda:TagResource",
    "logs": "logs:TagResource",
    "rds": "rds:AddTagsToResource",
    "sagemaker": "sagemaker:AddTags",
    "scheduler": "scheduler:TagResource",
    "secretsmanager": "secretsmanager:TagResource",
    "sns": "sns:TagResource",
    "sqs": "sqs:TagQueue",
    "ssm": "ssm:AddTagsToResource",
    "stepfunctions": "states:TagResource",
}
# IAM's differ by what is created.
IAM_ACTIONS = {
    "CreateInstanceProfile": "iam:TagInstanceProfile",
    "CreateOpenIDConnectProvider": "iam:TagOpenIDConnectProvider",
    "CreatePolicy": "iam:TagPolicy",
    "CreateRole": "iam:TagRole",
    "CreateSAMLProvider": "iam:TagSAMLProvider",
    "CreateUser": "iam:TagUser",
    "CreateVirtualMFADevice": "iam:TagMFADevice",
    "UploadServerCertificate": "iam:TagServerCertificate",
}


def tagging_permissions(request: ApiRequest, resource: str) -> list[RequiredPermission]:
    """Return the permission to tag what a call creates, if the call gives tags.

    Parameters
    ----------
    resource
        What is created.
    """
    if request.service == "ec2":
        return [
            RequiredPermission(
                "ec2:CreateTags",
                request.arn(f"{item.get('ResourceType', '*')}/*"),
                {"ec2:createaction": request.operation},
            )
            for item in specifications(request)
        ]
    if not any(request.parameters.get(name) for name in PARAMETERS) or not CREATES.match(request.operation):
        return []
    action = IAM_ACTIONS.get(request.operation) if request.service == "iam" else ACTIONS.get(request.service)
    if action is None:
        return []
    if resource == "*":  # what is created has no name yet
        resource = next(iter(bound_resources(action, request)), "*")
    return [RequiredPermission(action, resource)]
