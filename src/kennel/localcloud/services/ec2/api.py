"""EC2: today's Deep Learning AMIs, detailed monitoring, and what moto answers wrongly about instances."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError

if TYPE_CHECKING:
    from kennel.localcloud.dispatch.cloud import Cloud

AMAZON = "898082745236"
# Name, the last part of its SSM parameter's path, image id: one release of each family that AWS publishes.
DEEP_LEARNING_IMAGES = [
    (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.7 (Ubuntu 22.04) 20251101",
        "oss-nvidia-driver-gpu-pytorch-2.7-ubuntu-22.04",
        "ami-0d1a0000000000001",
    ),
    (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.8 (Ubuntu 24.04) 20251101",
        "oss-nvidia-driver-gpu-pytorch-2.8-ubuntu-24.04",
        "ami-0d1a0000000000002",
    ),
    (
        "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20251101",
        "base-oss-nvidia-driver-gpu-ubuntu-22.04",
        "ami-0d1a0000000000003",
    ),
    (
        "Deep Learning Base OSS Nvidia Driver GPU AMI (Amazon Linux 2023) 20251101",
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
    return {"InstanceMonitorings": [{"InstanceId": n, "Monitoring": {"State": state}} for n in names]}


def seed(cloud: Cloud) -> None:
    """Give the region the images and parameters that AWS publishes; moto's own images are of 2017."""
    from moto.ec2.models import ec2_backends
    from moto.ec2.models.amis import Ami
    from moto.ssm.models import Parameter, ssm_backends

    created = datetime.datetime(2025, 11, 1, tzinfo=datetime.UTC)
    backend = ec2_backends[cloud.account][cloud.region]
    published: Any = Parameter  # abstract to a type checker only: CloudFormation's methods are missing
    parameters = ssm_backends[cloud.account][cloud.region]._parameters
    for name, path, image in DEEP_LEARNING_IMAGES:
        backend.amis[image] = Ami(
            backend,
            image,
            name=name,
            description=name,
            owner_id=AMAZON,
            owner_alias="amazon",
            public=True,
            architecture="x86_64",
            virtualization_type="hvm",
            hypervisor="xen",
            root_device_type="ebs",
            root_device_name="/dev/sda1",
            creation_date=created,
        )
        parameter = PARAMETER.format(path)
        if not parameters[parameter]:
            parameters[parameter].append(
                published(
                    account_id=cloud.account,
                    name=parameter,
                    value=image,
                    parameter_type="String",
                    description=None,
                    allowed_pattern=None,
                    keyid=None,
                    last_modified_date=created,
                    version=1,
                    data_type="aws:ec2:image",
                )
            )
