"""EC2 instances as far as they run commands: their folder, their role, and the end of what runs on them.

An instance here is a folder and the rights of its instance profile. What runs on it is sent by Systems
Manager (`services/ssm`); stopping, rebooting or terminating the instance ends it, as a power switch does.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import Response

SERVICE = "ec2.amazonaws.com"
PowerOff = Callable[[Cloud, list[str]], None]
_power_off_actions: list[PowerOff] = []


def when_switched_off(action: PowerOff) -> PowerOff:
    """Register an action that ends what runs on instances; it gets the ids of those switched off."""
    _power_off_actions.append(action)
    return action


def instance_folder(cloud: Cloud, instance: str) -> Path:
    """Return the folder that is the instance's disk."""
    return cloud.directory / "instances" / instance


def running_instances(cloud: Cloud) -> list[Any]:
    """Return moto's instances that run."""
    from moto.ec2.models import ec2_backends

    backend = ec2_backends[cloud.account][cloud.region]
    instances = [instance for reservation in backend.all_reservations() for instance in reservation.instances]
    return [instance for instance in instances if instance.is_running()]


def role_of(instance: Any) -> Any:
    """Return moto's role of an instance's profile, or None."""
    association = instance.ec2_backend.iam_instance_profile_associations.get(instance.id)
    roles = association.iam_instance_profile.roles if association else []
    return roles[0] if roles else None


def names_tagged(cloud: Cloud, key: str, values: list[str]) -> list[str]:
    """Return the ids of running instances that have a tag with one of these values."""
    return [
        instance.id
        for instance in running_instances(cloud)
        if any(tag["key"] == key and tag["value"] in values for tag in instance.get_tags())
    ]


@operation("ec2", "StopInstances", "RebootInstances", "TerminateInstances")
def switch_off(call: Call) -> Response:
    """Change the instances' state through moto, and end what runs on them."""
    response = call.ask_moto()
    if response.ok:
        names = call.parameters.get("InstanceIds", [])
        end_what_runs(call.cloud, names, terminated=call.operation == "TerminateInstances")
    return response


def end_what_runs(cloud: Cloud, names: list[str], *, terminated: bool) -> None:
    """End what runs on instances that are off now; the disks of those that were terminated go."""
    for action in _power_off_actions:
        action(cloud, names)
    if terminated:
        for name in names:
            shutil.rmtree(instance_folder(cloud, name), ignore_errors=True)
