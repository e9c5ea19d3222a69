"""Finders for resources of EC2: they have no names of their own, their tags tell them apart."""

from __future__ import annotations

from functools import partial
from typing import Any

from kennel.aws import session
from kennel.aws.infrastructure.existing.ownership import STACK_TAGS, Finder, Values

_BY_TAGS = {
    "aws_route_table": ("describe_route_tables", "RouteTables", "RouteTableId"),
    "aws_security_group": ("describe_security_groups", "SecurityGroups", "GroupId"),
    "aws_subnet": ("describe_subnets", "Subnets", "SubnetId"),
    "aws_vpc": ("describe_vpcs", "Vpcs", "VpcId"),
    "aws_vpc_endpoint": ("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
}
_GONE = ("deleted", "deleting", "shutting-down", "terminated")


def _by_tags(values: Values) -> list[dict[str, Any]]:
    """Return filters of EC2: all tags that the resource would get."""
    planned = values["tags_all"]
    names = {*STACK_TAGS, "Name"}  # without a name, tags do not tell one resource from another
    if not names <= planned.keys():
        raise KeyError("tags_all")
    return [{"Name": f"tag:{name}", "Values": [value]} for name, value in planned.items()]


def _only(ids: list[str]) -> str | None:
    """Return the only id; of several, none is known to be the right one."""
    return ids[0] if len(ids) == 1 else None


def _finder(operation: str, member: str, name: str) -> Finder:
    def finder(values: Values) -> str | None:
        found = getattr(session.client("ec2"), operation)(Filters=_by_tags(values))[member]
        return _only([item[name] for item in found if item.get("State", "").lower() not in _GONE])

    return finder


def _flow_log(values: Values) -> str | None:
    found = session.client("ec2").describe_flow_logs(Filters=_by_tags(values))["FlowLogs"]
    return _only([item["FlowLogId"] for item in found])


def _instance(values: Values) -> str | None:
    reservations = session.client("ec2").describe_instances(Filters=_by_tags(values))["Reservations"]
    instances = [instance for reservation in reservations for instance in reservation["Instances"]]
    return _only([item["InstanceId"] for item in instances if item["State"]["Name"] not in _GONE])


def _route_table_association(values: Values) -> str | None:
    subnet, table = values["subnet_id"], values["route_table_id"]
    tables = session.client("ec2").describe_route_tables(
        Filters=[{"Name": "association.subnet-id", "Values": [subnet]}]
    )["RouteTables"]
    return f"{subnet}/{table}" if table in [item["RouteTableId"] for item in tables] else None


def _security_group_rule(values: Values, egress: bool) -> str | None:
    rules = session.client("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [values["security_group_id"]]}]
    )["SecurityGroupRules"]
    protocol = str(values["ip_protocol"])
    everything = protocol == "-1"
    planned = {
        "IpProtocol": protocol,
        "FromPort": -1 if everything else values["from_port"],
        "ToPort": -1 if everything else values["to_port"],
        "CidrIpv4": values.get("cidr_ipv4"),
        "CidrIpv6": values.get("cidr_ipv6"),
        "PrefixListId": values.get("prefix_list_id"),
        "Group": values.get("referenced_security_group_id"),
    }
    if not any(planned[name] for name in ("CidrIpv4", "CidrIpv6", "PrefixListId", "Group")):
        raise KeyError("referenced_security_group_id")
    for rule in rules:
        found = {**rule, "Group": (rule.get("ReferencedGroupInfo") or {}).get("GroupId")}
        if rule["IsEgress"] == egress and all(found.get(name) == planned[name] for name in planned):
            rule_id: str = rule["SecurityGroupRuleId"]
            return rule_id
    return None


FINDERS: dict[str, Finder] = {
    **{kind: _finder(*parts) for kind, parts in _BY_TAGS.items()},
    "aws_flow_log": _flow_log,
    "aws_instance": _instance,
    "aws_route_table_association": _route_table_association,
    "aws_vpc_security_group_egress_rule": partial(_security_group_rule, egress=True),
    "aws_vpc_security_group_ingress_rule": partial(_security_group_rule, egress=False),
}
