"""Systems Manager's agents: which running instances are registered and connected, and with which role."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kennel.localcloud.authorization.context import principal_context
from kennel.localcloud.authorization.trust import judge_service
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.policy.evaluate import Policies, decide
from kennel.localcloud.policy.policy import AccessRequest
from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.services.ec2.instances import SERVICE, role_of, running_instances, when_switched_off

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


@dataclass
class Agents:
    """The agents of a cloud, by instance id."""

    by_instance: dict[str, Agent] = field(default_factory=dict)


def agents(cloud: Cloud) -> dict[str, Agent]:
    """Return the agents of the instances that run, by instance id; those not yet known register now.

    An agent without a role, or whose role may not register it, stays offline, as on AWS; the audit log says
    why.
    """
    with cloud.lock:
        known = cloud.store(Agents).by_instance
        running = {instance.id: instance for instance in running_instances(cloud)}
        for name in set(known) - set(running):
            del known[name]
        for name, instance in running.items():
            role = role_of(instance)
            agent = known.get(name)
            if role and (agent is None or not agent.online or agent.role_arn != role.arn):
                known[name] = Agent(role.arn, _registers(cloud, name, role))
        return dict(known)


@when_switched_off
def _forget(cloud: Cloud, instances: list[str]) -> None:
    with cloud.lock:
        for name in instances:
            cloud.store(Agents).by_instance.pop(name, None)


def _registers(cloud: Cloud, instance: str, role: Any) -> bool:
    """Decide, as IAM does, whether the agent gets its role and may register; log the decisions."""
    trusted = judge_service(cloud.account, role, SERVICE)
    if not trusted.allowed:
        cloud.record(SERVICE, "sts:AssumeRole", role.arn, "deny", trusted.reason)
        return False
    principal = Principal(
        "role",
        f"arn:aws:sts::{cloud.account}:assumed-role/{role.name}/{instance}",
        account=cloud.account,
        name=role.name,
        role_arn=role.arn,
        unique_id=f"{role.id}:{instance}",
    )
    required = [(REGISTRATION, f"arn:aws:ec2:{cloud.region}:{cloud.account}:instance/{instance}")]
    required += [(action, "*") for action in CHANNEL]
    for action, resource in required:
        context = {**principal_context(principal), "aws:securetransport": "true"}
        policies = Policies(
            identity=policy_store.identity_policies(principal), boundary=policy_store.boundary(principal)
        )
        verdict = decide(policies, AccessRequest(action, resource, context, principal))
        word = "allow" if verdict.allowed else "deny"
        cloud.record(principal.arn, action, resource, word, verdict.reason)
        if not verdict.allowed:
            return False
    return True
