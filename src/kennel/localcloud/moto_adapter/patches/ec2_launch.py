"""EC2: moto launches from images, of types and with keys that do not exist, and keeps interfaces attached."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.moto_adapter.patching import replace

CHECKS = ("ENABLE_AMI_VALIDATION", "ENABLE_KEYPAIR_VALIDATION", "EC2_ENABLE_INSTANCE_TYPE_VALIDATION")


def apply() -> None:
    """Check what instances are launched from, and free the interfaces of those that are terminated."""
    from moto import settings
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.models import elastic_block_store, instances

    for name in CHECKS:
        replace(settings, name, True)

    def no_type(name: str) -> EC2ClientError:
        return EC2ClientError("InvalidParameterValue", f"Invalid value '{name}' for InstanceType.")

    replace(instances, "InvalidInstanceTypeError", no_type)  # moto's code is not that of RunInstances

    def terminate(self: Any) -> Any:
        state = original(self)
        for interface in list(self.nics.values())[1:]:  # moto reads the address of the first for ever
            if not interface.delete_on_termination:
                self.detach_eni(interface)
        for interface in self.nics.values():
            interface.instance = interface.attachment_id = interface.attach_time = None
            interface.status = "available"
        return state

    def make_volume(self: Any, *arguments: Any, **named: Any) -> None:
        initialise(self, *arguments, **named)
        if self.volume_type == "gp3":  # has a least of both, which moto leaves out
            self.iops, self.throughput = self.iops or 3000, self.throughput or 125

    initialise = replace(elastic_block_store.Volume, "__init__", make_volume)
    original = replace(instances.Instance, "terminate", terminate)
