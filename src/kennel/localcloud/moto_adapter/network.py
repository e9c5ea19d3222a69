"""Where moto's network interfaces are."""

from __future__ import annotations

from dataclasses import dataclass

from moto.ec2.models import ec2_backends

from kennel.localcloud import ACCOUNT_ID


@dataclass(frozen=True)
class Place:
    """The ids of a network interface's subnet and VPC."""

    subnet: str
    vpc: str


def place_of(region: str, interface: str) -> Place | None:
    """Return where a network interface is; None if there is no such interface."""
    record = ec2_backends[ACCOUNT_ID][region].enis.get(interface)
    return Place(record.subnet.id, record.subnet.vpc_id) if record else None


def vpc_of(region: str, identifier: str) -> str | None:
    """Return the id of the VPC of a subnet or a security group; None if there is no such."""
    backend = ec2_backends[ACCOUNT_ID][region]
    if identifier.startswith("subnet-"):
        zones = backend.subnets.values()
        return next((zone[identifier].vpc_id for zone in zones if identifier in zone), None)
    group = backend.get_security_group_from_id(identifier)
    return group.vpc_id if group else None
