"""EC2: today's Deep Learning AMIs, detailed monitoring, and what moto answers wrongly about instances."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from kennel.localcloud.call import AwsError, Call, operation
from kennel.localcloud.control.mending import replace

if TYPE_CHECKING:
    from kennel.localcloud.cloud import Cloud

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


def mend() -> None:
    """Mend moto's security groups, network interfaces and instances."""
    _mend_rule_descriptions()
    _mend_public_addresses()
    _mend_instance_groups()


def _mend_rule_descriptions() -> None:
    """A rule that names a group or a prefix list has its description there, where moto does not look."""
    from moto.ec2.models.security_groups import SecurityGroupRule

    def keep_more(
        self: Any,
        ec2_backend: Any,
        ip_protocol: str | None,
        group_id: str,
        from_port: str | None,
        to_port: str | None,
        ip_range: dict[str, str] | None,
        source_group: dict[str, str] | None = None,
        prefix_list_id: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        where = (from_port, to_port, ip_range, source_group, prefix_list_id)
        start(self, ec2_backend, ip_protocol, group_id, *where, **more)
        self.prefix_list_description = (prefix_list_id or {}).get("Description")

    def description(self: Any) -> str | None:
        found: str | None = self.ip_range.get("Description") or self.source_group.get("Description")
        return found or getattr(self, "prefix_list_description", None)

    start = replace(SecurityGroupRule, "__init__", keep_more)
    replace(SecurityGroupRule, "description", property(description))


def _mend_public_addresses() -> None:
    """An interface without a public address has no association; moto's empty one reads as an address."""
    from moto.ec2.models.elastic_network_interfaces import NetworkInterface

    def association(self: Any) -> dict[str, Any] | None:
        return original.fget(self) or None

    original = replace(NetworkInterface, "association", property(association))


def _mend_instance_groups() -> None:
    """Groups given on an interface are the instance's; an attribute change without groups keeps them."""
    from moto.ec2.models.instances import Instance
    from moto.ec2.responses.instances import InstanceResponse

    def prep_nics(self: Any, *arguments: Any, **named: Any) -> None:
        prepare(self, *arguments, **named)
        if not self.security_groups and 0 in self.nics:
            self.security_groups = list(self.nics[0].group_set)

    def change(self: Any) -> Any:
        return change_groups(self) if self._get_param("Groups") else True

    prepare = replace(Instance, "prep_nics", prep_nics)
    change_groups = replace(InstanceResponse, "_security_grp_instance_attribute_handler", change)
