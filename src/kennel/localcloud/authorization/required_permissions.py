"""The IAM actions, and the ARNs, that each operation requires; by default its own name on ``*``.

Source: AWS Service Authorization Reference.
"""

from __future__ import annotations

from dataclasses import replace

from kennel.localcloud.authorization import composite
from kennel.localcloud.authorization.action_names import action_name
from kennel.localcloud.authorization.pass_role import pass_role_permissions
from kennel.localcloud.authorization.permission import RequiredPermission
from kennel.localcloud.authorization.resource_types import bound_resources
from kennel.localcloud.authorization.resources import context_of, key_of, resources_of
from kennel.localcloud.authorization.s3 import kms_permissions, reading_permissions, s3_permissions
from kennel.localcloud.authorization.sagemaker import grant_permissions
from kennel.localcloud.authorization.service_encryption import encryption_permissions
from kennel.localcloud.authorization.tagging import tagging_permissions
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.policy.evaluate import ResourcePolicy

# The actions that parameters of AssumeRole require.
SESSION_ACTIONS = {"Tags": "sts:TagSession", "SourceIdentity": "sts:SetSourceIdentity"}
# Calls that require no permission, and that no policy can refuse.
UNCHECKED = {
    ("sts", "GetCallerIdentity"),
    ("sts", "GetSessionToken"),
    ("sts", "GetFederationToken"),
    ("sts", "GetAccessKeyInfo"),
}


def required_permissions(request: ApiRequest) -> list[RequiredPermission]:
    """Return every action on every resource that a call requires, the operation's own first.

    An empty list means that the call requires no permission.
    """
    if (request.service, request.operation) in UNCHECKED:
        return []
    if request.service == "s3":
        return s3_permissions(request) + kms_permissions(request) + pass_role_permissions(request)
    if (request.service, request.operation) == ("kms", "ReEncrypt"):
        return _reencrypt_permissions(request)
    if request.service in composite.SERVICES:
        return composite.permissions(request)
    action = action_name(request.service, request.operation)
    resources = resources_of(request) or bound_resources(action, request) or ["*"]
    context = context_of(request)
    policy = _resource_policy(request)
    permissions = [RequiredPermission(action, resource, context, policy) for resource in resources]
    permissions += tagging_permissions(request, resources[0])
    if request.service == "sagemaker":
        permissions += grant_permissions(request)
    if request.service == "sts":
        permissions += session_permissions(request, permissions[0])
    if request.service == "lambda":
        permissions += code_permissions(request)
    function = request.parameters.get("RotationLambdaARN")
    if request.operation == "RotateSecret" and function:
        # Secrets Manager API reference, RotateSecret, "Required permissions"
        permissions.append(RequiredPermission("lambda:InvokeFunction", function, context))
    return permissions + encryption_permissions(request) + pass_role_permissions(request)


# Where an operation of Lambda's names an object with code: empty for the parameters themselves.
CODE = {"CreateFunction": "Code", "PublishLayerVersion": "Content", "UpdateFunctionCode": ""}


def code_permissions(request: ApiRequest) -> list[RequiredPermission]:
    """Return the permission to read the object that a function's code or a layer is taken from.

    Source: Lambda developer guide, "Permission to access a deployment package in Amazon S3".
    """
    place = CODE.get(request.operation)
    code = request.parameters.get(place) if place else request.parameters
    if place is None or not isinstance(code, dict) or not code.get("S3Bucket"):
        return []
    return reading_permissions(request, code["S3Bucket"], code.get("S3Key", ""), code.get("S3ObjectVersion"))


def session_permissions(request: ApiRequest, assume: RequiredPermission) -> list[RequiredPermission]:
    """Return the permissions that a session's tags and source identity require beside ``sts:AssumeRole``.

    Source: IAM user guide, "Pass session tags in AWS STS" and "Monitor and control actions taken with assumed
    roles".
    """
    actions = [action for parameter, action in SESSION_ACTIONS.items() if request.parameters.get(parameter)]
    return [replace(assume, action=action) for action in actions]


def _reencrypt_permissions(request: ApiRequest) -> list[RequiredPermission]:
    """Return what ReEncrypt requires: one action on the key that encrypted, another on that which is to.

    Source: KMS API reference, ReEncrypt, "Required permissions".
    """
    destination = replace(
        request,
        parameters={
            "KeyId": request.parameters.get("DestinationKeyId"),
            "EncryptionContext": request.parameters.get("DestinationEncryptionContext"),
        },
    )
    return [
        RequiredPermission(action, resource, context_of(part), _resource_policy(part))
        for action, part in (("kms:ReEncryptFrom", request), ("kms:ReEncryptTo", destination))
        for resource in resources_of(part) or ["*"]
    ]


def _resource_policy(request: ApiRequest) -> ResourcePolicy | None:
    """Return the policy of the role, key, queue, topic or function that a call is about."""
    if request.service == "sts" and request.operation.startswith("Assume"):
        role = policy_store.role(request.parameters.get("RoleArn", ""))
        return ResourcePolicy(role.trust_policy if role else policy_store.EMPTY_POLICY, required=True)
    # The operator stands for the account's root, whom no key, queue, topic or function can lock out.
    if request.principal.unrestricted:
        return None
    if request.service == "kms":
        key = key_of(request)
        return ResourcePolicy(key.policy, required=True) if key else None
    if request.service in policy_store.SERVICES_WITH_RESOURCE_POLICIES:
        policy = policy_store.attached_policy(request.service, request.region, resources_of(request))
        return ResourcePolicy(policy) if policy else None
    return None
