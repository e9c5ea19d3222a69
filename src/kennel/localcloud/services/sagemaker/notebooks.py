"""Notebook instances and their lifecycle configurations: updates, and the members that moto drops.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateNotebookInstance.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import KeptStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.sagemaker.execution_role import require_trust

DROPPED = ("PlatformIdentifier", "InstanceMetadataServiceConfiguration", "IpAddressType")
PLATFORM = "notebook-al2023-v1"  # the default of CreateNotebookInstance
# AWS creates and starts no notebook on Amazon Linux 1 and 2 since 2026-07-01.
ENDED_PLATFORMS = ("notebook-al1-", "notebook-al2-")
ATTRIBUTES = {
    "InstanceType": "instance_type",
    "RoleArn": "role_arn",
    "LifecycleConfigName": "lifecycle_config_name",
    "VolumeSizeInGB": "volume_size_in_gb",
    "DefaultCodeRepository": "default_code_repository",
    "AdditionalCodeRepositories": "additional_code_repositories",
    "AcceleratorTypes": "accelerator_types",
    "RootAccess": "root_access",
}
DISASSOCIATIONS = {
    "DisassociateLifecycleConfig": "lifecycle_config_name",
    "DisassociateDefaultCodeRepository": "default_code_repository",
    "DisassociateAdditionalCodeRepositories": "additional_code_repositories",
    "DisassociateAcceleratorTypes": "accelerator_types",
}
# Characters of a script in base64: NotebookInstanceLifecycleConfigContent in SageMaker's API reference.
SCRIPT_LIMIT = 16384


@dataclass
class DroppedMembers(KeptStore):
    """The members of notebook instances that moto does not keep, by instance name."""

    by_name: dict[str, dict[str, Any]] = field(default_factory=dict)


def _dropped(call: Call) -> dict[str, Any]:
    """Return the members of a notebook instance that moto does not keep, to read or to change."""
    return call.cloud.store(DroppedMembers).by_name.setdefault(call.parameters["NotebookInstanceName"], {})


@operation("sagemaker", "CreateNotebookInstance")
def create_notebook_instance(call: Call) -> Response:
    """Refuse a role, platform or lifecycle configuration that AWS does not take; keep what moto drops."""
    require_trust(call.cloud, call.parameters["RoleArn"])
    config = call.parameters.get("LifecycleConfigName")
    if config and config not in call.backend().notebook_instance_lifecycle_configurations:
        raise AwsError("ValidationException", f"Unable to find lifecycle config {config}.")
    platform = call.parameters.get("PlatformIdentifier", PLATFORM)
    if platform.startswith(ENDED_PLATFORMS):
        raise AwsError(
            "ValidationException", f"The platform {platform} is no longer supported: use {PLATFORM}."
        )
    response = call.ask_moto()
    if response.ok:
        members = _dropped(call)
        members.clear()  # those of a deleted instance of this name
        members["PlatformIdentifier"] = PLATFORM
        members.update({name: call.parameters[name] for name in DROPPED if name in call.parameters})
    return response


@operation("sagemaker", "DescribeNotebookInstance")
def describe_notebook_instance(call: Call) -> Response:
    """Add the members that moto drops."""
    return call.json({**call.ask_moto_json(), **_dropped(call)})


@operation("sagemaker", "UpdateNotebookInstance")
def update_notebook_instance(call: Call) -> dict[str, Any]:
    """Change a stopped notebook instance."""
    notebook = call.backend().get_notebook_instance(call.parameters["NotebookInstanceName"])
    if notebook.status not in ("Stopped", "Failed"):
        raise AwsError(
            "ValidationException",
            f"Status ({notebook.status}) not in ([Stopped, Failed]). Unable to transition to (Updating) "
            f"for Notebook Instance ({notebook.arn}).",
        )
    for parameter, attribute in DISASSOCIATIONS.items():
        if call.parameters.get(parameter):
            setattr(notebook, attribute, None)
    for parameter, attribute in ATTRIBUTES.items():
        if parameter in call.parameters:
            setattr(notebook, attribute, call.parameters[parameter])
    _dropped(call).update({name: call.parameters[name] for name in DROPPED if name in call.parameters})
    notebook.last_modified_time = call.cloud.clock.now()
    return {}


@operation("sagemaker", "CreateNotebookInstanceLifecycleConfig")
def create_lifecycle_config(call: Call) -> Response:
    """Refuse scripts that are too long, and keep the tags that moto drops."""
    _check_scripts(call)
    response = call.ask_moto()
    if response.ok:
        name = call.parameters["NotebookInstanceLifecycleConfigName"]
        config = call.backend().notebook_instance_lifecycle_configurations[name]
        config.tags = call.parameters.get("Tags") or []
    return response


@operation("sagemaker", "UpdateNotebookInstanceLifecycleConfig")
def update_lifecycle_config(call: Call) -> dict[str, Any]:
    """Replace the scripts of a lifecycle configuration."""
    _check_scripts(call)
    name = call.parameters["NotebookInstanceLifecycleConfigName"]
    config = call.backend().notebook_instance_lifecycle_configurations.get(name)
    if config is None:
        raise AwsError("ValidationException", f"Unable to find lifecycle config {name}.")
    config.on_create = call.parameters.get("OnCreate", config.on_create)
    config.on_start = call.parameters.get("OnStart", config.on_start)
    config.last_modified_time = call.cloud.clock.now()
    return {}


def _check_scripts(call: Call) -> None:
    for hook in ("OnCreate", "OnStart"):
        for script in call.parameters.get(hook) or []:
            if len(script.get("Content", "")) > SCRIPT_LIMIT:
                raise AwsError(
                    "ValidationException",
                    f"{hook}: a lifecycle script may have {SCRIPT_LIMIT} characters in base64, "
                    f"this one has {len(script['Content'])}.",
                )
