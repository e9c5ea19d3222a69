"""CPUUtilization of EC2 instances: what their commands used since the last look."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kennel.localcloud.clock import Clock
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime.process_usage import Usage
from kennel.localcloud.services.ssm import processor_metrics
from kennel.localcloud.services.ssm.run_command import Commands


def test_commands_use_processors_and_an_instance_without_uses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MOTO_PORT", "MOTO_ACCOUNT_ID"):
        monkeypatch.setenv(name, "")
    cloud = Cloud(tmp_path, 4510, Clock(0))
    cloud.clock.advance(processor_metrics.BASIC - cloud.clock.time() % processor_metrics.BASIC)
    group = SimpleNamespace(name="web")
    busy = SimpleNamespace(id="i-busy", monitored=True, autoscaling_group=group)
    idle = SimpleNamespace(id="i-idle", monitored=False)
    command: Any = SimpleNamespace(
        instance="i-busy", ended=False, pid=1, settings=SimpleNamespace(command_id="c")
    )
    wall, used = [0.0], [0.0]
    samples: list[tuple[Any, ...]] = []

    def publish(_: Cloud, namespace: str, dimensions: dict[str, str], values: dict[str, float]) -> None:
        samples.append((*dimensions.values(), *values.values()))

    monkeypatch.setattr(processor_metrics, "running_instances", lambda _: [busy, idle])
    monkeypatch.setattr(processor_metrics, "tree_usage", lambda _: Usage(used[0], 0))
    monkeypatch.setattr(processor_metrics, "publish_samples", publish)
    monkeypatch.setattr(processor_metrics.time, "monotonic", lambda: wall[0])
    monkeypatch.setattr(processor_metrics.host_limit, "cores", lambda: 2)
    cloud.store(Commands).invocations.append(command)
    processor_metrics._look(cloud)
    assert samples == [("i-busy", 0.0), ("web", 0.0), ("i-idle", 0.0)]
    samples.clear()
    wall[0], used[0] = 60.0, 30.0  # half of one of two cores
    cloud.clock.advance(60)
    processor_metrics._look(cloud)
    assert samples == [("i-busy", 25.0), ("web", 25.0)]  # the other one every five minutes only
    cloud.shutdown()
