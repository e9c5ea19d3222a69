"""EC2: moto drops descriptions of rules and groups of instances, and reports empty public addresses."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.moto_adapter.patching import replace


def apply() -> None:
    """Correct moto's security groups, network interfaces and instances."""
    _patch_rule_descriptions()
    _patch_public_addresses()
    _patch_instance_groups()
    _patch_template_versions()


def _patch_rule_descriptions() -> None:
    """moto finds no description of a rule whose source, a group or a prefix list, holds it."""
    from moto.ec2.models.security_groups import SecurityGroupRule

    def initialise(
        self: Any,
        ec2_backend: Any,
        ip_protocol: str | None,
        group_id: str,
        from_port: str | None,
        to_port: str | None,
        ip_range: dict[str, str] | None,
        source_group: dict[str, str] | None = None,
        prefix_list_id: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        range_and_source = (from_port, to_port, ip_range, source_group, prefix_list_id)
        original_initialise(self, ec2_backend, ip_protocol, group_id, *range_and_source, **options)
        self.prefix_list_description = (prefix_list_id or {}).get("Description")

    def description(self: Any) -> str | None:
        text: str | None = self.ip_range.get("Description") or self.source_group.get("Description")
        return text or getattr(self, "prefix_list_description", None)

    original_initialise = replace(SecurityGroupRule, "__init__", initialise)
    replace(SecurityGroupRule, "description", property(description))


def _patch_public_addresses() -> None:
    """moto reports an empty association of an interface without a public address: it reads as an address."""
    from moto.ec2.models.elastic_network_interfaces import NetworkInterface

    def association(self: Any) -> dict[str, Any] | None:
        return original.fget(self) or None

    original = replace(NetworkInterface, "association", property(association))


def _patch_template_versions() -> None:
    """moto stores the user data of later versions of a launch template as text, and launches none then."""
    from moto.ec2.models.launch_templates import LaunchTemplate
    from moto.ec2.utils import parse_user_data

    def create_version(self: Any, data: dict[str, Any], description: str) -> Any:
        user_data = data.get("UserData")
        if isinstance(user_data, str):
            data = {**data, "UserData": parse_user_data(user_data)}
        return original(self, data, description)

    original = replace(LaunchTemplate, "create_version", create_version)


def _patch_instance_groups() -> None:
    """moto ignores groups given on an interface, and clears an instance's groups at any attribute change."""
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
