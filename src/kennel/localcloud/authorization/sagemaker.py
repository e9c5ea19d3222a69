"""The resources of SageMaker's calls, and the condition keys that hold their parameters.

Source: AWS Service Authorization Reference, "Actions, resources, and condition keys for Amazon SageMaker".
"""

from __future__ import annotations

import re

from kennel.localcloud.authorization.context import ConditionKeys
from kennel.localcloud.authorization.parameter_values import text_of, values_at
from kennel.localcloud.authorization.permission import RequiredPermission
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.moto_adapter import sagemaker as moto_sagemaker
from kennel.localcloud.policy.evaluate import ResourcePolicy


def _kind(noun: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", noun).lower()


NOUNS = (
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
KINDS = {f"{noun}Name": _kind(noun) for noun in NOUNS}
# An endpoint is created from a configuration: AWS requires the permission on both.
ALSO = {"EndpointConfig": ("CreateEndpoint", "UpdateEndpoint")}


def resources(request: ApiRequest) -> list[str]:
    """Return the ARNs of the resources that a call names."""
    if request.parameters.get("ResourceArn"):
        return [request.parameters["ResourceArn"]]
    arns = []
    for parameter, kind in KINDS.items():
        value = request.parameters.get(parameter)
        subject = parameter.removesuffix("Name")
        if isinstance(value, str) and (
            subject in request.operation or request.operation in ALSO.get(subject, ())
        ):
            arns.append(value if value.startswith("arn:") else request.arn(f"{kind}/{value}", "sagemaker"))
    if request.operation.endswith("EndpointConfig"):  # its name holds "Endpoint" too
        arns = [arn for arn in arns if ":endpoint-config/" in arn]
    return arns


# A condition key's values are at these places of the parameters; lists on the way are gone through.
Places = dict[str, tuple[str, ...]]
# Keys with any number of values, and none where the request gives none; the others have one value.
LISTS = {
    "AcceleratorTypes",
    "InstanceTypes",
    "NotebookInstanceLifecycleConfigArns",
    "VpcSecurityGroupIds",
    "VpcSubnets",
}
# Keys that hold the ARN of what a request names: the kind of the resource.
NAMED = {"ModelArn": "model", "NotebookInstanceLifecycleConfigArns": "notebook-instance-lifecycle-config"}
# Keys that the Service Authorization Reference calls deprecated, with their successors. The SageMaker guide's
# examples still have the former names, so both are set.
FORMER_NAMES = {"VolumeKmsKeyArn": "VolumeKmsKey", "OutputKmsKeyArn": "OutputKmsKey"}

_JOB: Places = {
    "FileSystemAccessMode": ("InputDataConfig.DataSource.FileSystemDataSource.FileSystemAccessMode",),
    "FileSystemDirectoryPath": ("InputDataConfig.DataSource.FileSystemDataSource.DirectoryPath",),
    "FileSystemId": ("InputDataConfig.DataSource.FileSystemDataSource.FileSystemId",),
    "FileSystemType": ("InputDataConfig.DataSource.FileSystemDataSource.FileSystemType",),
    "InstanceTypes": ("ResourceConfig.InstanceType", "ResourceConfig.InstanceGroups.InstanceType"),
    "InterContainerTrafficEncryption": ("EnableInterContainerTrafficEncryption",),
    "MaxRuntimeInSeconds": ("StoppingCondition.MaxRuntimeInSeconds",),
    "NetworkIsolation": ("EnableNetworkIsolation",),
    "OutputKmsKeyArn": ("OutputDataConfig.KmsKeyId",),
    "VolumeKmsKeyArn": ("ResourceConfig.VolumeKmsKeyId",),
    "VpcSecurityGroupIds": ("VpcConfig.SecurityGroupIds",),
    "VpcSubnets": ("VpcConfig.Subnets",),
}
_TRIALS: Places = _JOB | {
    "InstanceTypes": (
        "ResourceConfig.InstanceType",
        "HyperParameterTuningResourceConfig.InstanceType",
        "HyperParameterTuningResourceConfig.InstanceConfigs.InstanceType",
    ),
    "VolumeKmsKeyArn": (
        "ResourceConfig.VolumeKmsKeyId",
        "HyperParameterTuningResourceConfig.VolumeKmsKeyId",
    ),
}
_NETWORK: Places = {
    "NetworkIsolation": ("EnableNetworkIsolation",),
    "VpcSecurityGroupIds": ("VpcConfig.SecurityGroupIds",),
    "VpcSubnets": ("VpcConfig.Subnets",),
}
CONDITION_KEYS: dict[str, Places] = {
    "CreateTrainingJob": _JOB
    | {
        "EnableRemoteDebug": ("RemoteDebugConfig.EnableRemoteDebug",),
        "KeepAlivePeriod": ("ResourceConfig.KeepAlivePeriodInSeconds",),
    },
    "CreateHyperParameterTuningJob": {
        key: tuple(
            f"{definition}.{place}"
            for definition in ("TrainingJobDefinition", "TrainingJobDefinitions")
            for place in places
        )
        for key, places in _TRIALS.items()
    },
    "CreateProcessingJob": {
        "InstanceTypes": ("ProcessingResources.ClusterConfig.InstanceType",),
        "InterContainerTrafficEncryption": ("NetworkConfig.EnableInterContainerTrafficEncryption",),
        "MaxRuntimeInSeconds": ("StoppingCondition.MaxRuntimeInSeconds",),
        "OutputKmsKeyArn": ("ProcessingOutputConfig.KmsKeyId",),
        "VolumeKmsKeyArn": ("ProcessingResources.ClusterConfig.VolumeKmsKeyId",),
        **{key: tuple(f"NetworkConfig.{place}" for place in places) for key, places in _NETWORK.items()},
    },
    "CreateTransformJob": {
        "ModelArn": ("ModelName",),
        "InstanceTypes": ("TransformResources.InstanceType",),
        "OutputKmsKeyArn": ("TransformOutput.KmsKeyId",),
        "VolumeKmsKeyArn": ("TransformResources.VolumeKmsKeyId",),
    },
    "CreateModel": _NETWORK,
    "CreateEndpointConfig": _NETWORK
    | {
        "AcceleratorTypes": (
            "ProductionVariants.AcceleratorType",
            "ShadowProductionVariants.AcceleratorType",
        ),
        "InstanceTypes": (
            "ProductionVariants.InstanceType",
            "ProductionVariants.InstancePools.InstanceType",
            "ShadowProductionVariants.InstanceType",
        ),
        "ModelArn": ("ProductionVariants.ModelName", "ShadowProductionVariants.ModelName"),
        "ServerlessMaxConcurrency": ("ProductionVariants.ServerlessConfig.MaxConcurrency",),
        "ServerlessMemorySize": ("ProductionVariants.ServerlessConfig.MemorySizeInMB",),
        "VolumeKmsKeyArn": ("KmsKeyId",),
    },
    "CreateNotebookInstance": {
        "AcceleratorTypes": ("AcceleratorTypes",),
        "DirectInternetAccess": ("DirectInternetAccess",),
        "InstanceTypes": ("InstanceType",),
        "MinimumInstanceMetadataServiceVersion": (
            "InstanceMetadataServiceConfiguration.MinimumInstanceMetadataServiceVersion",
        ),
        "NotebookInstanceLifecycleConfigArns": ("LifecycleConfigName",),
        "RootAccess": ("RootAccess",),
        "VolumeKmsKeyArn": ("KmsKeyId",),
        "VpcSecurityGroupIds": ("SecurityGroupIds",),
        "VpcSubnets": ("SubnetId",),
    },
    "UpdateNotebookInstance": {
        "AcceleratorTypes": ("AcceleratorTypes",),
        "InstanceTypes": ("InstanceType",),
        "MinimumInstanceMetadataServiceVersion": (
            "InstanceMetadataServiceConfiguration.MinimumInstanceMetadataServiceVersion",
        ),
        "NotebookInstanceLifecycleConfigArns": ("LifecycleConfigName",),
        "RootAccess": ("RootAccess",),
    },
    "UpdateTrainingJob": {
        "EnableRemoteDebug": ("RemoteDebugConfig.EnableRemoteDebug",),
        "InstanceTypes": ("ResourceConfig.InstanceType",),
        "KeepAlivePeriod": ("ResourceConfig.KeepAlivePeriodInSeconds",),
    },
}


def condition_keys(request: ApiRequest) -> ConditionKeys:
    """Return the condition keys that hold a call's parameters; a parameter that is not given has no key."""
    context: ConditionKeys = {}
    for key, places in CONDITION_KEYS.get(request.operation, {}).items():
        values = [
            text_of(value) for place in places for value in values_at(request.parameters, place.split("."))
        ]
        if not values:
            continue
        if kind := NAMED.get(key):
            values = [request.arn(f"{kind}/{value}") for value in values]
        values = list(dict.fromkeys(values))
        value = values if key in LISTS or len(values) > 1 else values[0]
        for name in filter(None, (key, FORMER_NAMES.get(key))):
            context[f"sagemaker:{name.lower()}"] = value
    return context


def grant_permissions(request: ApiRequest) -> list[RequiredPermission]:
    """Return the ``kms:CreateGrant`` that a caller needs for an endpoint whose volumes have a customer's key.

    Source: SageMaker guide, "Amazon SageMaker AI API Permissions": CreateEndpoint requires it if the
    configuration has a ``KmsKeyId``. For a job the execution role creates the grant.
    """
    if request.operation not in ("CreateEndpoint", "UpdateEndpoint") or request.principal.unrestricted:
        return []
    name = request.parameters.get("EndpointConfigName", "")
    identifier = moto_sagemaker.key_of_endpoint_config(request.region, name)
    key = policy_store.key(request.region, identifier) if identifier else None
    if key is None:
        return []
    context: ConditionKeys = {
        "kms:calleraccount": request.account,
        "kms:grantisforawsresource": "true",
        "kms:viaservice": f"sagemaker.{request.region}.amazonaws.com",
        "aws:viaawsservice": "true",
        "aws:calledvia": ["sagemaker.amazonaws.com"],
    }
    return [
        RequiredPermission("kms:CreateGrant", key.arn, context, ResourcePolicy(key.policy, required=True))
    ]
