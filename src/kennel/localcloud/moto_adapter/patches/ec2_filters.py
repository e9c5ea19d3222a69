"""EC2: moto has few of the filters of descriptions, does not say which it lacks, and misspells a state."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.moto_adapter.patching import replace
from kennel.localcloud.protocol.messages import AwsError

IPV6 = "ipv6-cidr-block-association."
# Terraform's provider waits with these filters for a subnet's address range; the values are moto's names.
OF_SUBNETS = {f"{IPV6}association-id": "associationId", f"{IPV6}ipv6-cidr-block": "ipv6CidrBlock"}
STATE = "ipv6CidrBlockState"


def apply() -> None:
    """Filter subnets by their ranges, and name a filter that is not there."""
    from moto.ec2.exceptions import FilterNotImplementedError
    from moto.ec2.models.core import TaggedEC2Resource
    from moto.ec2.models.subnets import Subnet

    def of_subnets(self: Any, filter_name: str, method_name: str | None = None) -> Any:
        associations = self.ipv6_cidr_block_associations.values()
        if filter_name in OF_SUBNETS:
            return [each[OF_SUBNETS[filter_name]] for each in associations]
        if filter_name == f"{IPV6}state":
            return [each[STATE]["State"] for each in associations]
        return original_of_subnets(self, filter_name, method_name)

    def of_any(self: Any, filter_name: str, method_name: str | None = None) -> Any:
        try:
            return original_of_any(self, filter_name, method_name)
        except FilterNotImplementedError:  # refused with a remedy instead, as everything that is not there
            message = f"The local cloud has no filter {filter_name} of ec2:{method_name}: leave it out."
            raise AwsError("NotImplemented", message, 501) from None

    def ranges(self: Any) -> list[dict[str, Any]]:
        associations = list(self.ipv6_cidr_block_associations.values())
        return [each for each in associations if each[STATE]["State"] == "associated"]

    replace(Subnet, "ipv6_cidr_block_association_set", property(ranges))
    original_of_subnets = replace(Subnet, "get_filter_value", of_subnets)
    original_of_any = replace(TaggedEC2Resource, "get_filter_value", of_any)
