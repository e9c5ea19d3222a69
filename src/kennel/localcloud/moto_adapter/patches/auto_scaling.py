"""EC2 Auto Scaling: moto launches from the default version of a launch template, and without its profile.

It also puts all instances into one subnet, and knows no suspended processes and termination policies.
"""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

from kennel.localcloud.moto_adapter.patching import replace

ORIGIN = (
    *("ec2_launch_template", "launch_template_version", "provided_launch_template_version"),
    *("mixed_instances_policy", "launch_config", "launch_configuration_name"),
)
NAME_TAG = "aws:autoscaling:groupName"


def apply() -> None:
    """Launch and terminate the instances of groups as Auto Scaling does."""
    from moto.autoscaling.models import FakeAutoScalingGroup, InstanceState

    def launch(self: Any, count_needed: int, propagated_tags: dict[str, str]) -> None:
        if not is_suspended(self, "Launch"):
            for _ in range(count_needed):
                _launch_instance(self, propagated_tags)

    def set_desired_capacity(self: Any, new_capacity: int | None) -> None:
        fewer = (new_capacity or 0) < len(self.active_instances())
        if fewer and is_suspended(self, "Terminate"):
            self.desired_capacity = self.min_size if new_capacity is None else new_capacity
            return
        newest_first = self.termination_policies[:1] == ["NewestInstance"]
        self.instance_states.sort(key=_launched, reverse=newest_first)  # moto takes the first of them
        original(self, new_capacity)
        self.instance_states.sort(key=_launched)

    def launch_template(self: Any) -> dict[str, str] | None:
        version = getattr(self, "launched_from", None)
        if version is None:  # from a configuration, or attached
            return None
        template = version.template
        names = {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name}
        return {**names, "Version": str(version.number)}

    replace(InstanceState, "launch_template", property(launch_template))
    replace(FakeAutoScalingGroup, "replace_autoscaling_group_instances", launch)
    original = replace(FakeAutoScalingGroup, "set_desired_capacity", set_desired_capacity)


def is_suspended(group: Any, process: str) -> bool:
    """Return whether a process of a group is suspended."""
    return any(each["ProcessName"] == process for each in group.suspended_processes)


def origin(group: Any) -> dict[str, Any]:
    """Return the attributes of a group that say what it launches from."""
    return {name: value for name, value in vars(group).items() if name in ORIGIN}


def set_origin(group: Any, template: dict[str, str] | None, mixed: dict[str, Any] | None) -> None:
    """Let a group launch from a template, or by a mixed policy."""
    group.mixed_instances_policy = copy.deepcopy(mixed)
    group._set_launch_configuration(None, template, group.mixed_instances_policy)
    group.launch_config = group.launch_configuration_name = None


def is_current(group: Any, state: Any) -> bool:
    """Return whether an instance has the type, and the template's version, that the group launches now."""
    launched = getattr(state, "launched_from", None)
    if launched is None or not group.ec2_launch_template:
        return launched is None and not group.ec2_launch_template
    current = group.ec2_launch_template.get_version(group.launch_template_version)
    same = (launched.template.id, launched.number) == (current.template.id, current.number)
    return same and bool(state.instance.instance_type == _instance_type(group))


def _launched(state: Any) -> tuple[Any, str]:
    return state.instance.launch_time, state.instance.id


def _launch_instance(group: Any, propagated_tags: dict[str, str]) -> None:
    from moto.autoscaling.models import InstanceState

    ec2, version = group.ec2_backend, None
    settings: dict[str, Any] = {}
    profile: dict[str, str] = {}
    if group.ec2_launch_template:
        version = group.ec2_launch_template.get_version(group.launch_template_version)
        interface = (version.data.get("NetworkInterfaces") or [{}])[0]
        settings["launch_template"] = {
            "LaunchTemplateId": group.ec2_launch_template.id,
            "Version": str(version.number),
        }
        settings["associate_public_ip"] = interface.get("AssociatePublicIpAddress")
        if interface.get("Groups"):
            settings["security_group_ids"] = list(interface["Groups"])
        profile = version.data.get("IamInstanceProfile") or {}
        monitored = bool((version.data.get("Monitoring") or {}).get("Enabled"))
    else:
        configuration = group.launch_config
        settings |= {
            "launch_config": configuration,
            "associate_public_ip": configuration.associate_public_ip_address,
            "key_name": configuration.key_name,
        }
        monitored = bool(configuration.instance_monitoring_enabled)
        name = configuration.iam_instance_profile
        profile = {("Arn" if str(name).startswith("arn:") else "Name"): name} if name else {}
    zone, subnet = _emptiest(group)
    reservation = ec2.run_instances(
        group.image_id,
        1,
        group.user_data,
        group.security_groups,
        instance_type=_instance_type(group),
        tags={"instance": {**group.instance_tags, **propagated_tags, NAME_TAG: group.name}},
        placement=zone,
        subnet_id=subnet,
        region_name=group.region,
        is_instance_type_default=False,
        monitoring_state="enabled" if monitored else "disabled",
        **settings,
    )
    for instance in reservation.instances:
        if profile:
            ec2.associate_iam_instance_profile(
                instance_id=instance.id,
                iam_instance_profile_name=profile.get("Name"),
                iam_instance_profile_arn=profile.get("Arn"),
            )
        instance.autoscaling_group = group
        protected = group.new_instances_protected_from_scale_in
        state: Any = InstanceState(instance, protected_from_scale_in=protected)
        state.launched_from = version
        state.weighted_capacity = _first_override(group).get("WeightedCapacity")
        group.instance_states.append(state)


def _instance_type(group: Any) -> str:
    """Return the type of the first override of a mixed policy, else that of the template."""
    return str(_first_override(group).get("InstanceType") or group.instance_type)


def _first_override(group: Any) -> dict[str, Any]:
    overrides = ((group.mixed_instances_policy or {}).get("LaunchTemplate") or {}).get("Overrides")
    return overrides[0] if overrides else {}


def _emptiest(group: Any) -> tuple[str, str | None]:
    """Return the zone, and the subnet if the group names any, with the fewest of its instances."""
    instances = [state.instance for state in group.instance_states]
    if not group.vpc_zone_identifier:
        used = Counter(instance.placement.zone for instance in instances)
        return min(group.availability_zones, key=lambda zone: used[zone]), None
    subnets = [name.strip() for name in group.vpc_zone_identifier.split(",")]
    used = Counter(instance.subnet_id for instance in instances)
    subnet = min(subnets, key=lambda name: used[name])
    return group.ec2_backend.get_subnet(subnet).availability_zone, subnet
