"""EC2 instances as far as they really run something: their folder, their role, the agent, power on and off.

An instance here is a folder and the rights of its instance profile. What runs on it is sent by Systems
Manager (`run_command.py`); stopping, rebooting or terminating the instance ends it, as a power switch does.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kennel.localcloud.call import Call, Response, operation
from kennel.localcloud.iam import documents
from kennel.localcloud.iam.context import principal_context
from kennel.localcloud.iam.evaluate import Policies, decide
from kennel.localcloud.iam.policy import Request
from kennel.localcloud.iam.principals import Principal
from kennel.localcloud.iam.trust import judge_service

if TYPE_CHECKING:
    from kennel.localcloud.cloud import Cloud
    from kennel.localcloud.plane.hosts.command_invocation import CommandInvocation

SERVICE = "ec2.amazonaws.com"
# What the agent asks for before Systems Manager sees the instance at all; agents since 3.3.40 use no other
# channel. https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html
REGISTRATION = "ssm:UpdateInstanceInformation"
CHANNEL = ("ssmmessages:CreateControlChannel", "ssmmessages:OpenControlChannel")


@dataclass
class Agent:
    """Systems Manager's agent on one instance, since the instance was last switched on."""

    role_arn: str
    online: bool
    registered_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def instance_folder(cloud: Cloud, instance: str) -> Path:
    """Return the instance's disk."""
    return cloud.directory / "instances" / instance


def agents(cloud: Cloud) -> dict[str, Agent]:
    """Return the agents of the instances that run, by instance id; looking at them switches them on.

    An agent without a role, or whose role may not register it, stays offline, as on AWS; the ledger says why.
    """
    with cloud.lock:
        known: dict[str, Agent] = cloud.state("plane.agents")
        running = {one.id: one for one in _instances(cloud) if one.is_running()}
        for name in set(known) - set(running):
            del known[name]
        for name, one in running.items():
            role = _role(cloud, one)
            agent = known.get(name)
            if role and (agent is None or not agent.online or agent.role_arn != role.arn):
                known[name] = Agent(role.arn, _registers(cloud, name, role))
        return dict(known)


def invocations(cloud: Cloud) -> list[CommandInvocation]:
    """Return what was sent to instances, the oldest first; hold the cloud's lock to add."""
    found: list[CommandInvocation] = cloud.state("plane.run_command").setdefault("invocations", [])
    return found


def names_tagged(cloud: Cloud, key: str, values: list[str]) -> list[str]:
    """Return the ids of running instances that have a tag with one of these values."""
    wanted = set(values)
    return [
        one.id
        for one in _instances(cloud)
        if one.is_running() and any(tag["key"] == key and tag["value"] in wanted for tag in one.get_tags())
    ]


@operation("ec2", "StopInstances", "RebootInstances", "TerminateInstances")
def switch_off(call: Call) -> Response:
    """Change the instances' state through moto, and end what runs on them."""
    response = call.forward()
    if response.ok:
        names = call.parameters.get("InstanceIds", [])
        ending = [one for one in invocations(call.cloud) if one.instance in names and not one.over]
        for invocation in ending:
            invocation.switch_off()
        for invocation in ending:
            invocation.wait(5)
        with call.cloud.lock:
            for name in names:
                call.cloud.state("plane.agents").pop(name, None)
        if call.operation == "TerminateInstances":
            for name in names:
                shutil.rmtree(instance_folder(call.cloud, name), ignore_errors=True)
    return response


def _instances(cloud: Cloud) -> list[Any]:
    from moto.ec2.models import ec2_backends

    backend = ec2_backends[cloud.account][cloud.region]
    return [one for reservation in backend.all_reservations() for one in reservation.instances]


def _role(cloud: Cloud, instance: Any) -> Any:
    """Return moto's role of an instance's profile, or None."""
    association = instance.ec2_backend.iam_instance_profile_associations.get(instance.id)
    roles = association.iam_instance_profile.roles if association else []
    return roles[0] if roles else None


def _registers(cloud: Cloud, instance: str, role: Any) -> bool:
    """Decide, as IAM does, whether the agent gets its role and may register; enter it in the ledger."""
    trusted = judge_service(cloud.account, role, SERVICE)
    if not trusted.allowed:
        cloud.record(SERVICE, "sts:AssumeRole", role.arn, "deny", trusted.reason)
        return False
    principal = Principal(
        "role",
        f"arn:aws:sts::{cloud.account}:assumed-role/{role.name}/{instance}",
        name=role.name,
        role_arn=role.arn,
        unique_id=f"{role.id}:{instance}",
    )
    wanted = [(REGISTRATION, f"arn:aws:ec2:{cloud.region}:{cloud.account}:instance/{instance}")]
    wanted += [(action, "*") for action in CHANNEL]
    for action, resource in wanted:
        context = {**principal_context(principal), "aws:securetransport": "true"}
        policies = Policies(
            identity=documents.identity_policies(principal), boundary=documents.boundary(principal)
        )
        verdict = decide(policies, Request(action, resource, context, principal))
        word = "allow" if verdict.allowed else "deny"
        cloud.record(principal.arn, action, resource, word, verdict.reason)
        if not verdict.allowed:
            return False
    return True
