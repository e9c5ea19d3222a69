"""Systems Manager's agents: which running instances are registered and connected, and with which role."""

from __future__ import annotations

from dataclasses import dataclass, field

from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.authorization.trust import check_service_trust
from kennel.localcloud.dispatch.audit_log import ImmediateAudit
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.services.ec2.instances import SERVICE, role_of, running_instances, when_switched_off

# The permissions that the agent uses before Systems Manager sees the instance; agents since 3.3.40 use no
# other channel. https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html
REGISTRATION = "ssm:UpdateInstanceInformation"
CHANNEL = ("ssmmessages:CreateControlChannel", "ssmmessages:OpenControlChannel")


@dataclass
class Agent:
    """Systems Manager's agent on one instance, since the instance was last switched on."""

    role_arn: str
    online: bool


@dataclass
class Agents(KeptStore):
    """The agents of a cloud, by instance id."""

    by_instance: dict[str, Agent] = field(default_factory=dict)


def agents(cloud: Cloud) -> dict[str, Agent]:
    """Return the agents of the instances that run, by instance id; new ones register now.

    An agent without a role, or whose role may not register it, stays offline, as on AWS; the reason is in
    the audit log.
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
                known[name] = Agent(role.arn, _may_register(cloud, name, role.arn))
        return dict(known)


@when_switched_off
def _unregister(cloud: Cloud, instances: list[str]) -> None:
    with cloud.lock:
        for name in instances:
            cloud.store(Agents).by_instance.pop(name, None)


def _may_register(cloud: Cloud, instance: str, role_arn: str) -> bool:
    """Check, as IAM does, whether the agent receives its role's credentials and may register with them."""
    authorizer = Authorizer(ImmediateAudit(cloud.audit_log))
    role = policy_store.role(role_arn)
    if not check_service_trust(authorizer, cloud.account, role_arn, SERVICE).allowed or role is None:
        return False
    principal = Principal(
        "role",
        f"arn:aws:sts::{cloud.account}:assumed-role/{role.name}/{instance}",
        account=cloud.account,
        name=role.name,
        role_arn=role.arn,
        unique_id=f"{role.unique_id}:{instance}",
    )
    required = [(REGISTRATION, f"arn:aws:ec2:{cloud.region}:{cloud.account}:instance/{instance}")]
    required += [(action, "*") for action in CHANNEL]
    return all(
        authorizer.check(principal, action, resource, {"aws:securetransport": "true"}).allowed
        for action, resource in required
    )
