"""EC2: the Deep Learning AMIs of 2026, and detailed monitoring of instances."""

from __future__ import annotations

import datetime
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.machine_images import publish_image
from kennel.localcloud.protocol.messages import AwsError

PUBLISHED = datetime.datetime(2026, 9, 5, tzinfo=datetime.UTC)
# Name, the last part of its SSM parameter's path, image id: one release of each family that AWS publishes.
DEEP_LEARNING_IMAGES = [
    (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.12 (Ubuntu 24.04) 20260822",
        "oss-nvidia-driver-gpu-pytorch-2.12-ubuntu-24.04",
        "ami-0d1a0000000000001",
    ),
    (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.11 (Amazon Linux 2023) 20260905",
        "oss-nvidia-driver-gpu-pytorch-2.11-amazon-linux-2023",
        "ami-0d1a0000000000002",
    ),
    (
        "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20260822",
        "base-oss-nvidia-driver-gpu-ubuntu-24.04",
        "ami-0d1a0000000000003",
    ),
    (
        "Deep Learning Base OSS Nvidia Driver GPU AMI (Amazon Linux 2023) 20260905",
        "base-oss-nvidia-driver-gpu-amazon-linux-2023",
        "ami-0d1a0000000000004",
    ),
]
PARAMETER = "/aws/service/deeplearning/ami/x86_64/{}/latest/ami-id"


@operation("ec2", "MonitorInstances", "UnmonitorInstances")
def monitor_instances(call: Call) -> dict[str, Any]:
    """Switch detailed monitoring on or off."""
    state = "enabled" if call.operation == "MonitorInstances" else "disabled"
    names = call.parameters["InstanceIds"]
    backend = call.backend()
    for name in names:
        instance = backend.get_instance(name)
        if instance is None:
            raise AwsError("InvalidInstanceID.NotFound", f"The instance ID '{name}' does not exist")
        instance.monitoring_state = state
    return {"InstanceMonitorings": [{"InstanceId": name, "Monitoring": {"State": state}} for name in names]}


@operation("ec2", "GetConsoleOutput")
def get_console_output(call: Call) -> dict[str, Any]:
    """Return what an instance printed: nothing, as no system boots and user data is not run."""
    instance = call.backend().get_instance(call.parameters["InstanceId"])
    return {"InstanceId": instance.id, "Timestamp": instance.launch_time, "Output": ""}


def seed(cloud: Cloud) -> None:
    """Publish the Deep Learning AMIs in the local cloud."""
    for name, path, image_id in DEEP_LEARNING_IMAGES:
        publish_image(cloud.account, cloud.region, image_id, name, PARAMETER.format(path), PUBLISHED)
