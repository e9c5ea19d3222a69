"""The resources and condition keys of each service's calls (S3 has a file of its own).

Source: AWS Service Authorization Reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kennel.localcloud.iam import documents

if TYPE_CHECKING:
    from kennel.localcloud.call import Call

Keys = dict[str, "str | list[str]"]


def _sagemaker(call: Call) -> list[str]:
    if call.parameters.get("ResourceArn"):
        return [call.parameters["ResourceArn"]]
    found = []
    for parameter, kind in SAGEMAKER_KINDS.items():
        value = call.parameters.get(parameter)
        subject = parameter.removesuffix("Name")
        if isinstance(value, str) and (
            subject in call.operation or call.operation in SAGEMAKER_ALSO.get(subject, ())
        ):
            found.append(value if value.startswith("arn:") else call.arn(f"{kind}/{value}", "sagemaker"))
    if call.operation.endswith("EndpointConfig"):  # its name holds "Endpoint" too
        found = [arn for arn in found if ":endpoint-config/" in arn]
    return found


def _kind(noun: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", noun).lower()


SAGEMAKER_NOUNS = (
    "TrainingJob",
    "HyperParameterTuningJob",
    "ProcessingJob",
    "TransformJob",
    "Model",
    "Endpoint",
    "EndpointConfig",
    "NotebookInstance",
    "NotebookInstanceLifecycleConfig",
    "CodeRepository",
    "ModelPackageGroup",
    "ModelPackage",
    "Pipeline",
)
SAGEMAKER_KINDS = {f"{noun}Name": _kind(noun) for noun in SAGEMAKER_NOUNS}
# An endpoint is created from a configuration: AWS wants the grant on both.
SAGEMAKER_ALSO = {"EndpointConfig": ("CreateEndpoint", "UpdateEndpoint")}


def _lambda(call: Call) -> list[str]:
    name = call.parameters.get("FunctionName") or call.parameters.get("Resource") or ""
    if not name:
        return []
    if name.startswith("arn:"):
        name = name.split(":function:")[-1]
    name = name.split(":function:")[-1]  # "123456789012:function:name" is accepted as well
    name, _, qualifier = name.partition(":")
    qualifier = call.parameters.get("Qualifier") or qualifier
    if qualifier and (call.operation.startswith("Invoke") or "ProvisionedConcurrency" in call.operation):
        return [call.arn(f"function:{name}:{qualifier}")]
    return [call.arn(f"function:{name}")]


def _logs(call: Call) -> list[str]:
    parameters = call.parameters
    if parameters.get("resourceArn"):
        return [parameters["resourceArn"]]
    groups = parameters.get("logGroupNames") or [parameters.get("logGroupName") or ""]
    identifier = parameters.get("logGroupIdentifier")
    if identifier:
        groups = [identifier.split(":log-group:")[-1].removesuffix(":*")]
    if not groups[0] and call.operation != "DescribeLogGroups":
        return []
    stream = parameters.get("logStreamName") or ""
    return [call.arn(f"log-group:{group}:log-stream:{stream}") for group in groups]


def _cloudwatch(call: Call) -> list[str]:
    name = call.parameters.get("AlarmName")
    if name:
        return [call.arn(f"alarm:{name}")]
    if call.operation == "DeleteAlarms":
        return [call.arn(f"alarm:{name}") for name in call.parameters.get("AlarmNames", [])]
    dashboards = call.parameters.get("DashboardNames") or [call.parameters.get("DashboardName")]
    return [f"arn:aws:cloudwatch::{call.account}:dashboard/{name}" for name in dashboards if name]


def _cloudwatch_context(call: Call) -> Keys:
    namespace = call.parameters.get("Namespace")
    return {"cloudwatch:namespace": namespace} if namespace else {}


def key_of(call: Call) -> Any:
    """The KMS key that a KMS call is about."""
    if call.service != "kms":
        return None
    identifier = call.parameters.get("KeyId") or call.parameters.get("TargetKeyId")
    blob = call.parameters.get("CiphertextBlob")
    if not identifier and isinstance(blob, bytes):
        identifier = blob[:36].decode("ascii", "replace")  # moto's ciphertext begins with the key's id
    return documents.key(call.region, identifier) if identifier else None


def _kms(call: Call) -> list[str]:
    found = key_of(call)
    named = call.parameters.get("KeyId")
    arns = (
        [found.arn]
        if found
        else [named if named.startswith("arn:") else call.arn(f"key/{named}")]
        if named
        else []
    )
    alias = call.parameters.get("AliasName")
    return ([call.arn(alias)] if alias else []) + arns


def _kms_context(call: Call) -> Keys:
    pairs = call.parameters.get("EncryptionContext") or {}
    context: Keys = {f"kms:encryptioncontext:{name.lower()}": str(value) for name, value in pairs.items()}
    return {**context, "kms:encryptioncontextkeys": list(pairs), "kms:calleraccount": call.account}


def _ssm(call: Call) -> list[str]:
    parameters = call.parameters
    if call.operation == "SendCommand":  # AWS wants the grant on the document and on every instance
        document = f"arn:aws:ssm:{call.region}::document/{parameters['DocumentName'].split('/')[-1]}"
        instances = parameters.get("InstanceIds") or []
        return [document, *(call.arn(f"instance/{name}", "ec2") for name in instances)]
    names = parameters.get("Names") or [parameters.get("Name") or parameters.get("Path")]
    if "Parameter" not in call.operation or call.operation == "DescribeParameters":
        return []
    return [_parameter_arn(call, name) for name in names if name]


def _parameter_arn(call: Call, name: str) -> str:
    if name.startswith("arn:"):
        return name
    owner = "" if name.startswith("/aws/service/") else call.account
    return f"arn:aws:ssm:{call.region}:{owner}:parameter/{name.lstrip('/')}"


def _ecr(call: Call) -> list[str]:
    name = call.parameters.get("repositoryName")
    return [call.arn(f"repository/{name}")] if name else []


def _sqs(call: Call) -> list[str]:
    name = call.parameters.get("QueueName") or call.parameters.get("QueueUrl", "").rstrip("/").split("/")[-1]
    return [call.arn(name)] if name else []


def _sns(call: Call) -> list[str]:
    parameters = call.parameters
    arn = parameters.get("TopicArn") or parameters.get("TargetArn") or parameters.get("ResourceArn")
    if arn:
        return [arn]
    return [call.arn(parameters["Name"])] if call.operation == "CreateTopic" else []


def _sts(call: Call) -> list[str]:
    arn = call.parameters.get("RoleArn")
    return [arn] if arn else []


def _sts_context(call: Call) -> Keys:
    context: Keys = {"sts:rolesessionname": call.parameters.get("RoleSessionName", "")}
    if call.parameters.get("ExternalId"):
        context["sts:externalid"] = call.parameters["ExternalId"]
    return context


def _iam(call: Call) -> list[str]:
    parameters = call.parameters
    for parameter, kind in (
        ("PolicyArn", ""),
        ("RoleName", "role"),
        ("UserName", "user"),
        ("GroupName", "group"),
        ("InstanceProfileName", "instance-profile"),
        ("PolicyName", "policy"),
    ):
        value = parameters.get(parameter)
        attaching = parameter == "PolicyArn" and re.match(
            r"(Attach|Detach)(Role|User|Group)Policy", call.operation
        )
        if value and not attaching:
            path = parameters.get("Path", "/")
            return [value if not kind else f"arn:aws:iam::{call.account}:{kind}{path}{value}"]
    if call.operation == "SimulatePrincipalPolicy":
        return [parameters["PolicySourceArn"]]
    return []


def _iam_context(call: Call) -> Keys:
    context: Keys = {}
    if call.parameters.get("PolicyArn"):
        context["iam:policyarn"] = call.parameters["PolicyArn"]
    if call.parameters.get("PermissionsBoundary"):
        context["iam:permissionsboundary"] = call.parameters["PermissionsBoundary"]
    return context


def _ec2(call: Call) -> list[str]:
    if call.operation in ("StartInstances", "StopInstances", "TerminateInstances", "RebootInstances"):
        return [call.arn(f"instance/{name}") for name in call.parameters.get("InstanceIds", [])]
    return []


RESOURCES: dict[str, Callable[[Call], list[str]]] = {
    "sagemaker": _sagemaker,
    "sagemaker-runtime": _sagemaker,
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
    "ec2": _ec2,
}
CONTEXTS: dict[str, Callable[[Call], Keys]] = {
    "cloudwatch": _cloudwatch_context,
    "kms": _kms_context,
    "sts": _sts_context,
    "iam": _iam_context,
}
