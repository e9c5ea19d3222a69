"""Condition keys that hold a parameter of a call, by service.

Source: AWS Service Authorization Reference, the condition keys of each service. EC2, S3 and SageMaker have
modules of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kennel.localcloud.authorization.context import ConditionKeys
from kennel.localcloud.authorization.parameter_values import text_of, values_at
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import functions, network


@dataclass(frozen=True)
class ParameterKey:
    """A condition key, and where in the parameters its values are.

    Attributes
    ----------
    operations
        A pattern of the operations that have the key.
    many
        Whether the key has any number of values.
    """

    name: str
    place: str
    operations: str = ".*"
    many: bool = False


KEYS: dict[str, tuple[ParameterKey, ...]] = {
    "account": (ParameterKey("account:TargetRegion", "RegionName"),),
    "events": (
        ParameterKey("events:source", "Entries.Source", "PutEvents", many=True),
        ParameterKey("events:detail-type", "Entries.DetailType", "PutEvents", many=True),
        ParameterKey("events:TargetArn", "Targets.Arn", "PutTargets", many=True),
    ),
    "iam": (
        ParameterKey("iam:AWSServiceName", "AWSServiceName"),
        ParameterKey("iam:OrganizationsPolicyId", "OrganizationsPolicyId"),
    ),
    "kms": (
        ParameterKey("kms:KeySpec", "KeySpec", "CreateKey"),
        ParameterKey("kms:KeyUsage", "KeyUsage", "CreateKey"),
        ParameterKey("kms:KeyOrigin", "Origin", "CreateKey"),
        ParameterKey("kms:MultiRegion", "MultiRegion", "CreateKey"),
        ParameterKey(
            "kms:BypassPolicyLockoutSafetyCheck",
            "BypassPolicyLockoutSafetyCheck",
            "CreateKey|PutKeyPolicy|ReplicateKey",
        ),
        ParameterKey("kms:EncryptionAlgorithm", "EncryptionAlgorithm", "Encrypt|Decrypt"),
        ParameterKey("kms:GranteePrincipal", "GranteePrincipal", "CreateGrant"),
        ParameterKey("kms:GrantOperations", "Operations", "CreateGrant", many=True),
        ParameterKey("kms:RetiringPrincipal", "RetiringPrincipal", "CreateGrant"),
        ParameterKey(
            "kms:ScheduleKeyDeletionPendingWindowInDays", "PendingWindowInDays", "ScheduleKeyDeletion"
        ),
        ParameterKey("kms:SigningAlgorithm", "SigningAlgorithm", "Sign|Verify"),
    ),
    "lambda": (
        ParameterKey("lambda:CodeSigningConfigArn", "CodeSigningConfigArn"),
        ParameterKey("lambda:FunctionUrlAuthType", "AuthType", ".*FunctionUrlConfig"),
        ParameterKey("lambda:FunctionUrlAuthType", "FunctionUrlAuthType", "AddPermission"),
        ParameterKey("lambda:Layer", "Layers", many=True),
        ParameterKey("lambda:Principal", "Principal", "AddPermission"),
        ParameterKey("lambda:SecurityGroupIds", "VpcConfig.SecurityGroupIds", many=True),
        ParameterKey("lambda:SubnetIds", "VpcConfig.SubnetIds", many=True),
    ),
    "organizations": (ParameterKey("organizations:PolicyType", "Type|Filter|PolicyType"),),
    "secretsmanager": (
        ParameterKey("secretsmanager:ForceDeleteWithoutRecovery", "ForceDeleteWithoutRecovery"),
        ParameterKey("secretsmanager:KmsKeyId", "KmsKeyId"),
        ParameterKey("secretsmanager:Name", "Name", "CreateSecret"),
        ParameterKey("secretsmanager:RecoveryWindowInDays", "RecoveryWindowInDays"),
        ParameterKey("secretsmanager:SecretId", "SecretId"),
        ParameterKey("secretsmanager:VersionId", "VersionId"),
        ParameterKey("secretsmanager:VersionStage", "VersionStage"),
    ),
    "sns": (
        ParameterKey("sns:Endpoint", "Endpoint", "Subscribe"),
        ParameterKey("sns:Protocol", "Protocol", "Subscribe"),
    ),
    "ssm": (
        ParameterKey("ssm:Overwrite", "Overwrite", "PutParameter"),
        ParameterKey("ssm:Recursive", "Recursive", "GetParametersByPath"),
    ),
}


def parameter_keys(request: ApiRequest) -> ConditionKeys:
    """Return the condition keys that hold a call's parameters; a parameter that is not given has no key."""
    context: ConditionKeys = {}
    for key in KEYS.get(request.service, ()):
        if not re.fullmatch(key.operations, request.operation):
            continue
        for place in key.place.split("|"):
            given = values_at(request.parameters, place.split("."))
            values = list(dict.fromkeys(text_of(value) for value in given))
            if values:
                context[key.name.lower()] = values if key.many else values[0]
    if request.service == "lambda":
        context.update(_of_function(request, context.get("lambda:subnetids")))
    return context


def _of_function(request: ApiRequest, subnets: str | list[str] | None) -> ConditionKeys:
    """Return the VPCs of a function's subnets, and the function of an event source mapping."""
    context: ConditionKeys = {}
    vpcs = [vpc for subnet in subnets or () if (vpc := network.vpc_of(request.region, subnet))]
    if vpcs:
        context["lambda:vpcids"] = list(dict.fromkeys(vpcs))
    if "EventSourceMapping" in request.operation:
        name = request.parameters.get("FunctionName") or functions.function_of_mapping(
            request.region, request.parameters.get("UUID", "")
        )
        if name:
            function = name.split(":function:")[-1].partition(":")[0]
            context["lambda:functionarn"] = request.arn(f"function:{function}")
    return context
