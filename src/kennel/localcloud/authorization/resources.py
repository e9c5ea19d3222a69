"""The resources and condition keys of each service's calls; EC2, S3 and SageMaker have modules beside.

Source: AWS Service Authorization Reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kennel.localcloud.authorization import ec2, sagemaker
from kennel.localcloud.authorization.context import ConditionKeys
from kennel.localcloud.authorization.parameter_keys import parameter_keys
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import policy_store


def _lambda(request: ApiRequest) -> list[str]:
    if "EventSourceMapping" in request.operation:  # on the mapping, whose function is a condition key
        return []
    name = request.parameters.get("FunctionName") or request.parameters.get("Resource") or ""
    if not name:
        return []
    if name.startswith("arn:"):
        name = name.split(":function:")[-1]
    name = name.split(":function:")[-1]  # "123456789012:function:name" is accepted as well
    name, _, qualifier = name.partition(":")
    qualifier = request.parameters.get("Qualifier") or qualifier
    if qualifier and (
        request.operation.startswith("Invoke") or "ProvisionedConcurrency" in request.operation
    ):
        return [request.arn(f"function:{name}:{qualifier}")]
    return [request.arn(f"function:{name}")]


def _logs(request: ApiRequest) -> list[str]:
    parameters = request.parameters
    if parameters.get("resourceArn"):
        return [parameters["resourceArn"]]
    groups = parameters.get("logGroupNames") or [parameters.get("logGroupName") or ""]
    identifier = parameters.get("logGroupIdentifier")
    if identifier:
        groups = [identifier.split(":log-group:")[-1].removesuffix(":*")]
    if not groups[0] and request.operation != "DescribeLogGroups":
        return []
    stream = parameters.get("logStreamName") or ""
    return [request.arn(f"log-group:{group}:log-stream:{stream}") for group in groups]


def _cloudwatch(request: ApiRequest) -> list[str]:
    name = request.parameters.get("AlarmName")
    if name:
        return [request.arn(f"alarm:{name}")]
    if request.parameters.get("ResourceARN"):
        return [request.parameters["ResourceARN"]]
    if request.operation in ("DeleteAlarms", "DescribeAlarms"):
        return [request.arn(f"alarm:{name}") for name in request.parameters.get("AlarmNames") or ["*"]]
    dashboards = request.parameters.get("DashboardNames") or [request.parameters.get("DashboardName")]
    return [f"arn:aws:cloudwatch::{request.account}:dashboard/{name}" for name in dashboards if name]


def _cloudwatch_context(request: ApiRequest) -> ConditionKeys:
    namespace = request.parameters.get("Namespace")
    return {"cloudwatch:namespace": namespace} if namespace else {}


SOURCE_KEYS = ("KeyId", "SourceKeyId")


def key_of(request: ApiRequest) -> policy_store.KmsKey | None:
    """Return the KMS key that a call of KMS is about; None if it names none or an unknown one."""
    names = (*SOURCE_KEYS, "TargetKeyId")
    identifier = next((request.parameters[name] for name in names if request.parameters.get(name)), None)
    identifier = identifier or key_in_ciphertext(request)
    return policy_store.key(request.region, identifier) if identifier else None


def key_in_ciphertext(request: ApiRequest) -> str | None:
    """Return the id of the key that encrypted a request's ciphertext; None without one."""
    blob = request.parameters.get("CiphertextBlob")
    # moto's ciphertext begins with the key's id.
    return blob[:36].decode("ascii", "replace") if isinstance(blob, bytes) else None


def _kms(request: ApiRequest) -> list[str]:
    key, alias = key_of(request), request.parameters.get("AliasName")
    arns = [request.arn(alias)] if alias else []
    identifier = next(
        (request.parameters[name] for name in SOURCE_KEYS if request.parameters.get(name)), None
    )
    if key:
        arns.append(key.arn)
    elif identifier:
        arns.append(identifier if identifier.startswith("arn:") else request.arn(f"key/{identifier}"))
    return arns


def _kms_context(request: ApiRequest) -> ConditionKeys:
    source = request.parameters.get("SourceEncryptionContext")
    pairs = request.parameters.get("EncryptionContext") or source or {}
    context: ConditionKeys = {
        f"kms:encryptioncontext:{name.lower()}": str(value) for name, value in pairs.items()
    }
    key = key_of(request)
    return {
        **context,
        "kms:encryptioncontextkeys": list(pairs),
        "kms:calleraccount": request.account,
        "kms:resourcealiases": list(key.aliases) if key else [],
    }


def _ssm(request: ApiRequest) -> list[str]:
    parameters = request.parameters
    if request.operation == "SendCommand":  # on the document and on every instance
        document = f"arn:aws:ssm:{request.region}::document/{parameters['DocumentName'].split('/')[-1]}"
        instances = parameters.get("InstanceIds") or []
        return [document, *(request.arn(f"instance/{name}", "ec2") for name in instances)]
    if parameters.get("ResourceType") == "Parameter":  # of a call about tags
        return [_parameter_arn(request, parameters.get("ResourceId", ""))]
    names = parameters.get("Names") or [parameters.get("Name") or parameters.get("Path")]
    if "Parameter" not in request.operation or request.operation == "DescribeParameters":
        return []
    return [_parameter_arn(request, name) for name in names if name]


def _parameter_arn(request: ApiRequest, name: str) -> str:
    if name.startswith("arn:"):
        return name
    owner = "" if name.startswith("/aws/service/") else request.account
    return f"arn:aws:ssm:{request.region}:{owner}:parameter/{name.lstrip('/')}"


def _ecr(request: ApiRequest) -> list[str]:
    name = request.parameters.get("repositoryName")
    return [request.arn(f"repository/{name}")] if name else []


def _sqs(request: ApiRequest) -> list[str]:
    name = (
        request.parameters.get("QueueName")
        or request.parameters.get("QueueUrl", "").rstrip("/").split("/")[-1]
    )
    return [request.arn(name)] if name else []


def _sns(request: ApiRequest) -> list[str]:
    parameters = request.parameters
    arn = parameters.get("TopicArn") or parameters.get("TargetArn") or parameters.get("ResourceArn")
    if arn:
        return [arn]
    if parameters.get("SubscriptionArn"):  # its permission is on its topic
        return [parameters["SubscriptionArn"].rpartition(":")[0]]
    return [request.arn(parameters["Name"])] if request.operation == "CreateTopic" else []


def _sts(request: ApiRequest) -> list[str]:
    arn = request.parameters.get("RoleArn")
    return [arn] if arn else []


def _sts_context(request: ApiRequest) -> ConditionKeys:
    context: ConditionKeys = {"sts:rolesessionname": request.parameters.get("RoleSessionName", "")}
    for parameter, key in (("ExternalId", "sts:externalid"), ("SourceIdentity", "sts:sourceidentity")):
        if request.parameters.get(parameter):
            context[key] = request.parameters[parameter]
    if request.parameters.get("TransitiveTagKeys"):
        context["sts:transitivetagkeys"] = list(request.parameters["TransitiveTagKeys"])
    return context


def _iam(request: ApiRequest) -> list[str]:
    parameters = request.parameters
    for parameter, kind in (
        ("PolicyArn", ""),
        ("OpenIDConnectProviderArn", ""),
        ("RoleName", "role"),
        ("UserName", "user"),
        ("GroupName", "group"),
        ("InstanceProfileName", "instance-profile"),
        ("PolicyName", "policy"),
    ):
        value = parameters.get(parameter)
        attaching = parameter == "PolicyArn" and re.match(
            r"(Attach|Detach)(Role|User|Group)Policy", request.operation
        )
        if value and not attaching:
            path = parameters.get("Path", "/")
            return [value if not kind else f"arn:aws:iam::{request.account}:{kind}{path}{value}"]
    if request.operation == "SimulatePrincipalPolicy":
        return [parameters["PolicySourceArn"]]
    return []


def _iam_context(request: ApiRequest) -> ConditionKeys:
    context: ConditionKeys = {}
    if request.parameters.get("PolicyArn"):
        context["iam:policyarn"] = request.parameters["PolicyArn"]
    # That of the request, or that which the user or role has.
    boundary = request.parameters.get("PermissionsBoundary") or policy_store.boundary_arn(
        request.parameters.get("UserName"), request.parameters.get("RoleName")
    )
    if boundary:
        context["iam:permissionsboundary"] = boundary
    return context


def _budgets(request: ApiRequest) -> list[str]:
    arn = request.parameters.get("ResourceARN")
    name = request.parameters.get("BudgetName") or (request.parameters.get("Budget") or {}).get("BudgetName")
    return [arn or f"arn:aws:budgets::{request.account}:budget/{name or '*'}"]


def _application_autoscaling(request: ApiRequest) -> list[str]:
    if request.parameters.get("ResourceARN"):
        return [request.parameters["ResourceARN"]]
    if request.operation.startswith("Describe"):
        return []
    # The target's own id, which its ARN ends in, is moto's: policies cannot know it, here as on AWS.
    return [request.arn("scalable-target/*")]


def _application_autoscaling_context(request: ApiRequest) -> ConditionKeys:
    parameters, prefix = request.parameters, "application-autoscaling"
    keys = {"service-namespace": "ServiceNamespace", "scalable-dimension": "ScalableDimension"}
    return {f"{prefix}:{key}": parameters[name] for key, name in keys.items() if parameters.get(name)}


_RESOURCES: dict[str, Callable[[ApiRequest], list[str]]] = {
    "sagemaker": sagemaker.resources,
    "sagemaker-runtime": sagemaker.resources,
    "lambda": _lambda,
    "logs": _logs,
    "cloudwatch": _cloudwatch,
    "kms": _kms,
    "ssm": _ssm,
    "ecr": _ecr,
    "sqs": _sqs,
    "sns": _sns,
    "sts": _sts,
    "iam": _iam,
    "ec2": ec2.resources,
    "budgets": _budgets,
    "application-autoscaling": _application_autoscaling,
}
_CONTEXTS: dict[str, Callable[[ApiRequest], ConditionKeys]] = {
    "cloudwatch": _cloudwatch_context,
    "kms": _kms_context,
    "sts": _sts_context,
    "iam": _iam_context,
    "application-autoscaling": _application_autoscaling_context,
    "sagemaker": sagemaker.condition_keys,
    "ec2": ec2.condition_keys,
}


def resources_of(request: ApiRequest) -> list[str]:
    """Return the ARNs of the resources that a call names; empty where its permission is on ``*``."""
    find = _RESOURCES.get(request.service)
    return find(request) if find else []


def context_of(request: ApiRequest) -> ConditionKeys:
    """Return the condition keys that the called service adds to the global ones."""
    find = _CONTEXTS.get(request.service)
    return {**parameter_keys(request), **(find(request) if find else {})}
