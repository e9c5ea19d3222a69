"""The resources of EC2's calls, and the condition keys that a network interface's place gives.

Source: AWS Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2".
"""

from __future__ import annotations

from kennel.localcloud.authorization.context import ConditionKeys
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import network

INSTANCE_OPERATIONS = ("StartInstances", "StopInstances", "TerminateInstances", "RebootInstances")
# Operations on a network interface that exists.
INTERFACE_OPERATIONS = (
    "CreateNetworkInterfacePermission",
    "DeleteNetworkInterface",
    "DeleteNetworkInterfacePermission",
)
# The descriptions whose permission is on a resource.
ATTRIBUTES_OF = {
    "DescribeInstanceAttribute": ("instance", "InstanceId"),
    "DescribeVpcAttribute": ("vpc", "VpcId"),
    "GetInstanceUefiData": ("instance", "InstanceId"),
}


def resources(request: ApiRequest) -> list[str]:
    """Return the ARNs of the resources that a call names."""
    operation, parameters = request.operation, request.parameters
    if operation in INSTANCE_OPERATIONS:
        return [request.arn(f"instance/{name}") for name in parameters.get("InstanceIds", [])]
    if operation in ATTRIBUTES_OF:
        kind, parameter = ATTRIBUTES_OF[operation]
        return [request.arn(f"{kind}/{parameters.get(parameter, '*')}")]
    if operation == "CreateNetworkInterface":  # on the new interface, its subnet and its security groups
        groups = parameters.get("Groups") or []
        return [
            request.arn("network-interface/*"),
            request.arn(f"subnet/{parameters['SubnetId']}"),
            *(request.arn(f"security-group/{group}") for group in groups),
        ]
    if operation in INTERFACE_OPERATIONS:
        return [request.arn(f"network-interface/{parameters.get('NetworkInterfaceId', '*')}")]
    return []


def condition_keys(request: ApiRequest) -> ConditionKeys:
    """Return EC2's own condition keys of a call."""
    context: ConditionKeys = {"ec2:region": request.region}
    if request.operation in INTERFACE_OPERATIONS:
        place = network.place_of(request.region, request.parameters.get("NetworkInterfaceId", ""))
        if place:
            context["ec2:subnet"] = request.arn(f"subnet/{place.subnet}")
            context["ec2:vpc"] = request.arn(f"vpc/{place.vpc}")
    return context
