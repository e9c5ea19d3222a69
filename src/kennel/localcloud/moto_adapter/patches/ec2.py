"""EC2: rules lose descriptions, interfaces invent public addresses, instances lose their groups."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.moto_adapter.patching import replace


def apply() -> None:
    """Correct moto's security groups, network interfaces and instances."""
    _patch_rule_descriptions()
    _patch_public_addresses()
    _patch_instance_groups()


def _patch_rule_descriptions() -> None:
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


def _patch_public_addresses() -> None:
    """An interface without a public address has no association; moto's empty one reads as an address."""
    from moto.ec2.models.elastic_network_interfaces import NetworkInterface

    def association(self: Any) -> dict[str, Any] | None:
        return original.fget(self) or None

    original = replace(NetworkInterface, "association", property(association))


def _patch_instance_groups() -> None:
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
