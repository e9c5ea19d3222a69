"""EC2's CPUUtilization: what the commands on an instance use of this machine's processors.

Nothing else runs on an instance: without a command it is 0.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from kennel.localcloud import host_limit
from kennel.localcloud.dispatch.cloud import Cloud, TransientStore
from kennel.localcloud.runtime.cloudwatch_metrics import publish_samples
from kennel.localcloud.runtime.metrics.store import MINUTE
from kennel.localcloud.runtime.process_usage import PROC, tree_usage
from kennel.localcloud.services.ec2.instances import running_instances
from kennel.localcloud.services.ssm.command_invocation import CommandInvocation
from kennel.localcloud.services.ssm.run_command import Commands

NAMESPACE, METRIC = "AWS/EC2", "CPUUtilization"
BASIC = 5 * MINUTE  # without detailed monitoring


@dataclass
class Looks(TransientStore):
    """The last look at each instance: when, by the monotonic clock, and what each command had used."""

    by_instance: dict[str, tuple[float, dict[str, float]]] = field(default_factory=dict)


def watch_processors(cloud: Cloud) -> None:
    """Publish what instances use, for as long as the cloud runs, where the system says it."""
    if PROC.is_dir():
        cloud.clock.every(MINUTE, lambda: _look(cloud))


def _look(cloud: Cloud) -> None:
    instances = {instance.id: instance for instance in running_instances(cloud)}
    looks, on_time = cloud.store(Looks).by_instance, cloud.clock.time() // MINUTE * MINUTE % BASIC == 0
    for name in looks.keys() - instances.keys():
        del looks[name]
    commands: dict[str, list[CommandInvocation]] = {}
    for invocation in list(cloud.store(Commands).invocations):
        if not invocation.ended:
            commands.setdefault(invocation.instance, []).append(invocation)
    for name, instance in instances.items():
        if on_time or instance.monitored:
            _publish(cloud, instance, commands.get(name, []), looks)


def _publish(
    cloud: Cloud,
    instance: Any,
    commands: list[CommandInvocation],
    looks: dict[str, tuple[float, dict[str, float]]],
) -> None:
    now = time.monotonic()
    since, before = looks.get(instance.id, (now, {}))
    usages = {each.settings.command_id: tree_usage(each.pid) for each in commands if each.pid}
    used = {command: usage.cpu for command, usage in usages.items() if usage}
    looks[instance.id] = now, used
    seconds = sum(max(0.0, cpu - before.get(command, 0.0)) for command, cpu in used.items())
    share = seconds / max(now - since, 0.1) / host_limit.cores()
    values = {METRIC: min(100.0, 100 * share)}
    publish_samples(cloud, NAMESPACE, {"InstanceId": instance.id}, values)
    group = getattr(instance, "autoscaling_group", None)
    if group is not None:
        publish_samples(cloud, NAMESPACE, {"AutoScalingGroupName": group.name}, values)
