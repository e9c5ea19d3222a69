"""Which instance of a variant gets a request, and what a tree of processes uses."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from kennel.localcloud.clock import Clock
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.process_usage import tree_usage
from kennel.localcloud.services.sagemaker.endpoints.serverless import IDLE_SECONDS, ServerlessVariant
from kennel.localcloud.services.sagemaker.endpoints.variant import Variant
from kennel.localcloud.services.sagemaker.endpoints.variant_plan import (
    LEAST_OUTSTANDING,
    RANDOM,
    ServerlessPlan,
    VariantPlan,
)


class CountedInstance:
    """An instance that counts the places that are held."""

    def __init__(self, *, serving: bool = True, idle_since: float = 0.0) -> None:
        self.serving, self.outstanding, self.idle_since = serving, 0, idle_since
        self.name, self.retired = "i-1", threading.Event()

    def hold(self) -> bool:
        self.outstanding += self.serving
        return self.serving

    def retire(self) -> None:
        self.retired.set()


class OnlyAClock:
    def __init__(self) -> None:
        self.clock = Clock(0)


PLAN = VariantPlan("v", 1, 1.0, 60, "role", "image", "ml.m5.large", "", True, {})


def variant_of(plan: VariantPlan, *instances: CountedInstance) -> Variant:
    kind = ServerlessVariant if plan.serverless else Variant
    variant = kind.__new__(kind)  # without a cloud and a model
    variant.plan, variant.instances = plan, list(instances)  # type: ignore[arg-type] # they count only
    variant._lock, variant._claims, variant._settings = threading.Lock(), threading.Lock(), None
    variant._cloud = OnlyAClock()  # type: ignore[assignment] # what it uses of a cloud
    return variant


def test_the_instance_with_the_fewest_requests_is_next() -> None:
    instances = [CountedInstance() for _ in range(4)]
    instances[2].outstanding = 5
    variant = variant_of(replace(PLAN, routing=LEAST_OUTSTANDING), *instances)
    for _ in range(17):
        variant.claim()
    assert sorted(instance.outstanding for instance in instances) == [5, 5, 6, 6]


def test_at_random_every_instance_gets_requests_and_none_that_does_not_serve() -> None:
    instances = [CountedInstance() for _ in range(3)]
    out_of_service = CountedInstance(serving=False)
    variant = variant_of(replace(PLAN, routing=RANDOM), *instances, out_of_service)
    for _ in range(300):
        variant.claim()
    assert all(instance.outstanding for instance in instances)  # by chance not: 3 * (2/3)^300
    assert out_of_service.outstanding == 0
    assert variant_of(PLAN, out_of_service).claim() is None


def test_a_serverless_environment_works_on_one_request_and_the_last_used_is_next() -> None:
    plan = replace(PLAN, serverless=ServerlessPlan(1024, 2))
    old, recent = CountedInstance(idle_since=1), CountedInstance(idle_since=2)
    variant = variant_of(plan, old, recent)
    assert [variant.claim(), variant.claim()] == [recent, old]
    with pytest.raises(AwsError, match="Rate exceeded") as caught:
        variant.claim()
    assert caught.value.code == "ThrottlingException"


def test_idle_environments_end_but_for_the_provisioned_ones() -> None:
    plan = replace(PLAN, serverless=ServerlessPlan(1024, 9, provisioned=2))
    busy, idle = CountedInstance(), [CountedInstance() for _ in range(3)]
    busy.outstanding = 1
    variant = variant_of(plan, busy, *idle)
    assert isinstance(variant, ServerlessVariant)
    variant._cloud.clock.advance(IDLE_SECONDS)
    variant.end_idle()
    assert len(variant.instances) == 4
    variant._cloud.clock.advance(1)
    variant.end_idle()
    assert variant.instances == [busy, idle[2]]
    assert all(instance.retired.wait(60) for instance in idle[:2])


@pytest.mark.skipif(sys.platform != "linux", reason="the figures are those of /proc")
def test_a_tree_of_processes_uses_what_its_members_use() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "print('here', flush=True); input()"], stdin=-1, stdout=-1
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"here\n"
        alone, tree = tree_usage(child.pid), tree_usage(os.getpid())
        assert alone is not None
        assert tree is not None
        assert tree.memory > alone.memory > 1_000_000
        assert tree.cpu >= alone.cpu >= 0
    finally:
        child.kill()
        child.communicate()
    assert tree_usage(2**22 + 1) is None
