"""EC2: what moto forgets of launches: CPU credits, names, throughput; and what it adds to launch templates.

Source: EC2 API reference, RunInstances, DescribeInstanceCreditSpecifications, CreateLaunchTemplate.
"""

from __future__ import annotations

import re
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.coverage import refusal, refuse
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response

RESERVATION = re.compile(rb"<reservationId>([^<]+)</reservationId>")
# What EC2 gives an instance of a burstable family unless the request says otherwise.
CREDITS = {"t2": "standard", "t3": "unlimited", "t3a": "unlimited", "t4g": "unlimited"}
TEMPLATE = "launch-template"
refuse(
    "ec2",
    "nothing interrupts or prices instances here; run instances on demand",
    "RequestSpotFleet",
    "RequestSpotInstances",
)
SPOT = refusal(
    "ec2",
    "spot instances of `RunInstances` (`InstanceMarketOptions`)",
    "leave the options out: nothing interrupts or prices instances here",
    "NotImplemented",
    501,
)


@operation("ec2", "RunInstances")
def run_instances(call: Call) -> Response:
    """Launch through moto, and keep what it forgets."""
    parameters = call.parameters
    if (parameters.get("InstanceMarketOptions") or {}).get("MarketType") == "spot":
        raise SPOT.error("spot instances of RunInstances")
    response = call.ask_moto()
    reservation = RESERVATION.search(response.body) if response.ok else None
    if reservation:
        for instance in call.backend().reservations[reservation[1].decode()].instances:
            _keep(instance, parameters)
    return response


def _keep(instance: Any, parameters: dict[str, Any]) -> None:
    instance.kennel_credits = (parameters.get("CreditSpecification") or {}).get("CpuCredits")
    if parameters.get("PrivateDnsNameOptions"):
        usual = {"EnableResourceNameDnsARecord": False, "EnableResourceNameDnsAAAARecord": False}
        instance.private_dns_name_options = {**usual, **parameters["PrivateDnsNameOptions"]}
    if instance.user_data is not None and not str(instance.user_data):
        instance.user_data = None  # a template that Terraform's provider makes has an empty text
    for mapping in parameters.get("BlockDeviceMappings") or []:
        throughput = (mapping.get("Ebs") or {}).get("Throughput")
        device = instance.block_device_mapping.get(mapping.get("DeviceName"))
        if throughput and device:
            instance.ec2_backend.volumes[device.volume_id].throughput = throughput


@operation("ec2", "DescribeInstanceCreditSpecifications")
def describe_credits(call: Call) -> dict[str, Any]:
    """Return the CPU credits of burstable instances."""
    backend, names = call.backend(), call.parameters.get("InstanceIds")
    instances = [backend.get_instance(name) for name in names] if names else backend.all_instances()
    if names and (other := next((each for each in instances if not _credits(each)), None)):
        message = f"The instance {other.id} is not of a burstable type"
        raise AwsError("InvalidInstanceID.NotBurstable", message)
    listed = [{"InstanceId": each.id, "CpuCredits": _credits(each)} for each in instances if _credits(each)]
    return {"InstanceCreditSpecifications": listed}


@operation("ec2", "ModifyInstanceCreditSpecification")
def modify_credits(call: Call) -> dict[str, Any]:
    """Set the CPU credits of instances; they change nothing here."""
    changed = call.parameters["InstanceCreditSpecifications"]
    for each in changed:
        call.backend().get_instance(each["InstanceId"]).kennel_credits = each["CpuCredits"]
    return {
        "SuccessfulInstanceCreditSpecifications": [{"InstanceId": each["InstanceId"]} for each in changed],
        "UnsuccessfulInstanceCreditSpecifications": [],
    }


def _credits(instance: Any) -> str | None:
    usual = CREDITS.get(instance.instance_type.partition(".")[0])
    return usual and (getattr(instance, "kennel_credits", None) or usual)


@operation("ec2", "CreateLaunchTemplate")
def create_launch_template(call: Call) -> Response:
    """Make a template; its own tags are none that it gives, for which moto takes them."""
    response = call.ask_moto()
    if response.ok and not call.parameters.get("DryRun"):
        name = call.parameters["LaunchTemplateName"]
        backend = call.backend()
        data = backend.launch_templates[backend.launch_template_name_to_ids[name]].default_version().data
        given = [each for each in data.get("TagSpecifications") or [] if each["ResourceType"] != TEMPLATE]
        data.pop("TagSpecifications", None)
        if given:
            data["TagSpecifications"] = given
    return response
