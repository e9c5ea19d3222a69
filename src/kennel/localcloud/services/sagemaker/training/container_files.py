"""The configuration files that SageMaker writes into a training container, below `/opt/ml/input/config`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from kennel.localcloud.services.sagemaker.training.channels import channels_of

INSTANCE_GROUP = "homogeneousCluster"
NETWORK_INTERFACE = "lo" if sys.platform == "linux" else "lo0"


def write_configuration(
    folder: Path, resources: dict[str, Any], input_data: dict[str, Any], hyperparameters: dict[str, str]
) -> None:
    """Write the three files, exactly as SageMaker does."""
    for name, content in (
        ("resourceconfig", resources),
        ("inputdataconfig", input_data),
        ("hyperparameters", hyperparameters),
    ):
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def host_count(parameters: dict[str, Any]) -> int:
    """Return how many hosts CreateTrainingJob's parameters ask for."""
    resources = parameters["ResourceConfig"]
    groups = resources.get("InstanceGroups") or []
    return int(resources.get("InstanceCount") or sum(group["InstanceCount"] for group in groups) or 1)


def host_name(index: int) -> str:
    """Return SageMaker's name of a job's host; the first has the index 0."""
    return f"algo-{index + 1}"


def resource_configuration(parameters: dict[str, Any], index: int) -> dict[str, Any]:
    """Return the content of `resourceconfig.json` on a host."""
    instance_type = parameters["ResourceConfig"].get("InstanceType", "")
    hosts = [host_name(number) for number in range(host_count(parameters))]
    group = {"instance_group_name": INSTANCE_GROUP, "instance_type": instance_type, "hosts": hosts}
    return {
        "current_host": host_name(index),
        "current_instance_type": instance_type,
        "current_group_name": INSTANCE_GROUP,
        "hosts": hosts,
        "instance_groups": [group],
        "network_interface_name": NETWORK_INTERFACE,
    }


def input_data_configuration(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the content of `inputdataconfig.json`."""
    configuration = {}
    for channel in channels_of(parameters):
        source = channel["DataSource"]["S3DataSource"]
        configuration[channel["ChannelName"]] = {
            "TrainingInputMode": "File",
            "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
        }
        if channel.get("ContentType"):
            configuration[channel["ChannelName"]]["ContentType"] = channel["ContentType"]
    return configuration
