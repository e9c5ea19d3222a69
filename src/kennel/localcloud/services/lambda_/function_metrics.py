"""The metrics that Lambda publishes about invocations and concurrency.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from kennel.localcloud.dispatch.cloud import Cloud, TransientStore
from kennel.localcloud.runtime import cloudwatch_metrics
from kennel.localcloud.runtime.metrics.store import MINUTE
from kennel.localcloud.services.lambda_.configuration import ProvisionedConcurrencyConfigs

NAMESPACE = "AWS/Lambda"


@dataclass
class InvocationsUnderWay(TransientStore):
    """How many invocations are under way, by function name and qualifier ("" without one)."""

    by_key: Counter[tuple[str, str]] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)


def publish(cloud: Cloud, name: str, qualifier: str | None, **values: float) -> None:
    """Publish metrics of a function: its own, those of the named version or alias, and of all functions."""
    dimension_sets = [{"FunctionName": name}, {}]
    if qualifier:
        dimension_sets.append(_resource(name, qualifier))
    for dimensions in dimension_sets:
        cloudwatch_metrics.publish(cloud, NAMESPACE, dimensions, resolution=MINUTE, **values)


def _resource(name: str, qualifier: str) -> dict[str, str]:
    return {"FunctionName": name, "Resource": f"{name}:{qualifier}"}


@contextlib.contextmanager
def counted(cloud: Cloud, name: str, qualifier: str | None) -> Iterator[None]:
    """Count an invocation as under way, and publish the use of provisioned concurrency."""
    under_way, key = cloud.store(InvocationsUnderWay), (name, qualifier or "")
    with under_way.lock:
        under_way.by_key[key] += 1
        busy = under_way.by_key[key]
    _publish_provisioned(cloud, key, busy, invoked=True)
    try:
        yield
    finally:
        with under_way.lock:
            under_way.by_key[key] -= 1
            if not under_way.by_key[key]:
                del under_way.by_key[key]


def _publish_provisioned(cloud: Cloud, key: tuple[str, str], busy: int, *, invoked: bool) -> None:
    """Publish how much of a version's or alias's provisioned concurrency is in use, if it has any."""
    config = cloud.store(ProvisionedConcurrencyConfigs).by_key.get(key)
    if config is None:
        return
    used = min(busy, config.count)
    values = {
        "ProvisionedConcurrentExecutions": float(used),
        "ProvisionedConcurrencyUtilization": used / config.count,
    }
    if invoked:
        values["ProvisionedConcurrencyInvocations"] = float(busy <= config.count)
        values["ProvisionedConcurrencySpilloverInvocations"] = float(busy > config.count)
    for dimensions in ({"FunctionName": key[0]}, _resource(*key)):
        cloudwatch_metrics.publish(cloud, NAMESPACE, dimensions, resolution=MINUTE, **values)


def publish_concurrency(cloud: Cloud) -> None:
    """Publish once a minute what is under way: an invocation may take minutes."""
    cloud.clock.every(MINUTE, lambda: _publish_under_way(cloud))


def _publish_under_way(cloud: Cloud) -> None:
    under_way = cloud.store(InvocationsUnderWay)
    with under_way.lock:
        counts = dict(under_way.by_key)
    of_functions: Counter[str] = Counter()
    for key, busy in counts.items():
        of_functions[key[0]] += busy
        _publish_provisioned(cloud, key, busy, invoked=False)
    for name, busy in of_functions.items():
        publish(cloud, name, None, ConcurrentExecutions=busy)
