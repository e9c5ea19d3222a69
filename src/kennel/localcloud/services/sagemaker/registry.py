"""The model registry: deletions, which moto lacks; validations, which nothing here would run, are refused.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteModelPackageGroup.html
"""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response


@operation("sagemaker", "CreateModelPackage")
def create_model_package(call: Call) -> Response:
    """Keep a version; SageMaker would validate it with a job of its own if the request says so."""
    if call.parameters.get("ValidationSpecification"):
        raise AwsError(
            "ValidationException",
            "The local cloud validates no model packages: leave ValidationSpecification out, and run a "
            "transform job with the model.",
        )
    return call.ask_moto()


@operation("sagemaker", "DeleteModelPackage")
def delete_model_package(call: Call) -> dict[str, Any]:
    """Delete a version by its ARN, or a package without versions by its name."""
    backend = call.backend()
    name = call.parameters["ModelPackageName"]
    arn = backend.model_package_name_mapping.get(name, name)
    if backend.model_packages.pop(arn, None) is None:
        raise AwsError("ValidationException", f"Model Package {name} does not exist.")
    mapping = backend.model_package_name_mapping
    for key in [key for key, value in mapping.items() if value == arn]:
        del mapping[key]
    return {}


@operation("sagemaker", "DeleteModelPackageGroup")
def delete_model_package_group(call: Call) -> dict[str, Any]:
    """Delete a group without versions."""
    backend, name = call.backend(), call.parameters["ModelPackageGroupName"].rpartition("/")[2]
    if name not in backend.model_package_groups:
        raise AwsError("ValidationException", f"Model Package Group {name} does not exist.")
    if any(package.model_package_group_name == name for package in backend.model_packages.values()):
        raise AwsError("ConflictException", f"Model Package Group {name} cannot be deleted: it is not empty.")
    del backend.model_package_groups[name]
    return {}
