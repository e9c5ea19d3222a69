"""EC2: what moto forgets of networks: the layout of flow logs' files, and tags of DHCP options."""

from __future__ import annotations

import re

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import Response

FLOW_LOG = re.compile(rb"<item>(fl-[0-9a-f]+)</item>")
DHCP_OPTIONS = re.compile(rb"<dhcpOptionsId>(dopt-[0-9a-f]+)</dhcpOptionsId>")
LAYOUT = {"FileFormat": "plain-text", "HiveCompatiblePartitions": False, "PerHourPartition": False}


@operation("ec2", "CreateFlowLogs")
def create_flow_logs(call: Call) -> Response:
    """Make flow logs, with the layout of their files; no traffic is here to be logged."""
    response, given = call.ask_moto(), call.parameters.get("DestinationOptions")
    if response.ok and given:
        for name in FLOW_LOG.findall(response.body):
            call.backend().flow_logs[name.decode()].destination_options = {**LAYOUT, **given}
    return response


@operation("ec2", "CreateDhcpOptions")
def create_dhcp_options(call: Call) -> Response:
    """Make DHCP options, with their tags."""
    response = call.ask_moto()
    made = DHCP_OPTIONS.search(response.body) if response.ok else None
    if made:
        for each in call.parameters.get("TagSpecifications") or []:
            tags = {tag["Key"]: tag.get("Value", "") for tag in each.get("Tags") or []}
            call.backend().create_tags([made[1].decode()], tags)
    return response
