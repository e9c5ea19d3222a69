"""Notebook instances and their lifecycle configurations: records, on which no Jupyter runs.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateNotebookInstance.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import KeptStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.sagemaker import notebook_scripts
from kennel.localcloud.services.sagemaker.execution_role import require_trust
from kennel.localcloud.services.sagemaker.job_network import check_network

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
    subnet = call.parameters.get("SubnetId")
    groups = call.parameters.get("SecurityGroupIds")
    check_network(call, {"Subnets": [subnet] if subnet else [], "SecurityGroupIds": groups})
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
        notebook = call.backend().get_notebook_instance(call.parameters["NotebookInstanceName"])
        notebook_scripts.start(call, notebook, notebook_scripts.HOOKS)
    return response


@operation("sagemaker", "StartNotebookInstance")
def start_notebook_instance(call: Call) -> Response:
    """Start a notebook instance that is stopped."""
    notebook = call.backend().get_notebook_instance(call.parameters["NotebookInstanceName"])
    _check_stopped(notebook, "Pending")
    response = call.ask_moto()
    notebook_scripts.start(call, notebook, ["OnStart"])
    return response


@operation("sagemaker", "DescribeNotebookInstance")
def describe_notebook_instance(call: Call) -> Response:
    """Add the members that moto drops, and leave out the address, where nothing listens."""
    document = {**call.ask_moto_json(), **_dropped(call)}
    document.pop("Url", None)
    notebook = call.backend().get_notebook_instance(call.parameters["NotebookInstanceName"])
    if reason := getattr(notebook, "failure_reason", None):
        document["FailureReason"] = reason
    return call.json(document)


@operation("sagemaker", "UpdateNotebookInstance")
def update_notebook_instance(call: Call) -> dict[str, Any]:
    """Change a stopped notebook instance."""
    notebook = call.backend().get_notebook_instance(call.parameters["NotebookInstanceName"])
    _check_stopped(notebook, "Updating")
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
    notebook_scripts.check_scripts(call.parameters)
    response = call.ask_moto()
    if response.ok:
        name = call.parameters["NotebookInstanceLifecycleConfigName"]
        config = call.backend().notebook_instance_lifecycle_configurations[name]
        config.tags = call.parameters.get("Tags") or []
    return response


@operation("sagemaker", "UpdateNotebookInstanceLifecycleConfig")
def update_lifecycle_config(call: Call) -> dict[str, Any]:
    """Replace the scripts of a lifecycle configuration."""
    notebook_scripts.check_scripts(call.parameters)
    name = call.parameters["NotebookInstanceLifecycleConfigName"]
    config = call.backend().notebook_instance_lifecycle_configurations.get(name)
    if config is None:
        raise AwsError("ValidationException", f"Unable to find lifecycle config {name}.")
    config.on_create = call.parameters.get("OnCreate", config.on_create)
    config.on_start = call.parameters.get("OnStart", config.on_start)
    config.last_modified_time = call.cloud.clock.now()
    return {}


def _check_stopped(notebook: Any, status: str) -> None:
    """Refuse what is done with stopped notebook instances only.

    Parameters
    ----------
    notebook
        moto's record.
    status
        What it would be.

    Raises
    ------
    AwsError
        ``ValidationException``.
    """
    if notebook.status not in ("Stopped", "Failed"):
        raise AwsError(
            "ValidationException",
            f"Status ({notebook.status}) not in ([Stopped, Failed]). Unable to transition to ({status}) "
            f"for Notebook Instance ({notebook.arn}).",
        )
