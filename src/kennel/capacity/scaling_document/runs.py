"""Runs of the simulator, each with a name that says all it depends on, and what they gave: no dollars."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kennel.capacity import CapacityError, assumptions
from kennel.capacity.scaling.target_tracking import TargetTracking

if TYPE_CHECKING:
    from kennel.capacity.plan import Plan, Served

RUNS = Path(__file__).with_name("runs.json")
REMEDY = "./kennel docs.scaling runs the simulator anew"

Result = dict[str, Any]


@dataclass(frozen=True)
class Traffic:
    """A day of generated requests, and the instance that answers them."""

    shape: str
    requests: int
    service_ms: float = assumptions.SERVICE_MS
    start_up: float = assumptions.START_UP

    @property
    def name(self) -> str:
        """All of it in words."""
        return (
            f"{self.requests} requests, {self.shape}, {self.service_ms:g} ms each, "
            f"{self.start_up:g} s start-up"
        )


@dataclass(frozen=True)
class Run:
    """A policy over a day."""

    traffic: Traffic
    policy: TargetTracking

    @property
    def name(self) -> str:
        """What it depends on, in words."""
        policy = self.policy
        metric = "concurrent requests" if policy.high_resolution else "invocations"
        return (
            f"{self.traffic.name}: {policy.target:g} {metric}, {policy.minimum} to {policy.maximum}, "
            f"cooldowns {policy.scale_out_cooldown:g} and {policy.scale_in_cooldown:g} s"
        )

    def simulate(self) -> Result:
        """Serve the day."""
        return _result(_plan(self.traffic).policy(self.policy))


@dataclass(frozen=True)
class Comparison:
    """The cheapest policy that meets an objective beside other ways of serving the same day."""

    traffic: Traffic
    p99_ms: float
    failed_percent: float = assumptions.FAILED_PERCENT

    @property
    def name(self) -> str:
        """What it depends on, in words."""
        return f"{self.traffic.name}: p99 {self.p99_ms:g} ms, {self.failed_percent:g} % refused at most"

    def simulate(self) -> Result:
        """Search, and serve the day in every way."""
        from kennel.capacity.document import FUNCTION_LIMIT, SERVERLESS_LIMIT
        from kennel.capacity.elastic import Elastic
        from kennel.capacity.search import Objective, cheapest_policy, fixed_fleet

        plan, objective = _plan(self.traffic), Objective(self.p99_ms, self.failed_percent)
        fleet = fixed_fleet(plan, objective, _silent)
        size = _result(fleet)["most"]
        chosen = cheapest_policy(plan, objective, size, _silent)
        if chosen is None:
            raise CapacityError(f"no policy meets the objective of the run {self.name}")
        elastic = [Elastic(limit, assumptions.COLD_START) for limit in (SERVERLESS_LIMIT, FUNCTION_LIMIT)]
        return {
            "cheapest": {"policy": asdict(chosen[0].policy), **_result(chosen[1])},
            "fixed": _result(fleet),
            "serverless": _result(plan.serverless(assumptions.SERVERLESS_GB, elastic[0])),
            "function": _result(plan.function(assumptions.FUNCTION_MB, elastic[1])),
        }


def simulate(runs: Iterable[Run | Comparison], report: Callable[[str], None]) -> dict[str, Result]:
    """Return what each run gives, by its name."""
    ordered = sorted(set(runs), key=lambda run: run.name)
    results = {}
    for number, run in enumerate(ordered, 1):
        report(f"run {number} of {len(ordered)}: {run.name}")
        results[run.name] = run.simulate()
    return results


def write(results: dict[str, Result]) -> None:
    """Write what runs gave into `RUNS`."""
    RUNS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", encoding="utf-8")


class Recorded:
    """What the runs in `RUNS` gave."""

    def __init__(self) -> None:
        self.results: dict[str, Result] = json.loads(RUNS.read_text(encoding="utf-8"))

    def __getitem__(self, run: Run | Comparison) -> Result:
        if run.name not in self.results:
            raise CapacityError(f"{RUNS.name} has no run of {run.name}: {REMEDY}")
        return self.results[run.name]


@lru_cache(maxsize=1)
def _plan(traffic: Traffic) -> Plan:
    import numpy as np

    from kennel.capacity import traces
    from kennel.capacity.billing import Rates
    from kennel.capacity.plan import Plan
    from kennel.capacity.service_times import ServiceTimes
    from kennel.capacity.timeline import Instance

    trace = traces.generate(traffic.shape, traffic.requests, np.random.default_rng(0))
    times = ServiceTimes(traffic.service_ms / 1000, assumptions.SERVICE_CV)
    instance = Instance(assumptions.WORKERS, assumptions.WAITING, traffic.start_up)
    # Of prices only their order counts here, that of instance-hours, which is the same for every type.
    rates = Rates(assumptions.REGION, "ml.m5.large", 0, assumptions.PAYLOAD_KB)
    return Plan(trace, times, instance, rates)


def _result(served: Served) -> Result:
    outcome = served.outcome
    result: Result = {
        "hours": round(outcome.instance_hours, 6),
        "p99_ms": round(outcome.latency_ms["p99"], 3),
        "failed": outcome.refused + outcome.slow,
        "latency_seconds": round(served.latency_seconds, 3),
        "billed_seconds": round(served.billed_seconds, 3),
    }
    if served.timeline:
        counts = [count for _, count in served.timeline.serving]
        result |= {"least": min(counts), "most": max(counts)}
    return result


def _silent(_: str) -> None:
    """Report nothing."""
