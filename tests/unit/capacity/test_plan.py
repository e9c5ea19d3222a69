"""Ways of serving one trace: what each costs and gives, and the search for the cheapest policy."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from kennel.capacity import CapacityError, search
from kennel.capacity.billing import Rates
from kennel.capacity.document import CHOSEN, FIXED, FUNCTION, POLICY, RULE, SERVERLESS, Alternatives, Ways
from kennel.capacity.elastic import Elastic
from kennel.capacity.outcome import Requests
from kennel.capacity.plan import Plan
from kennel.capacity.prices import price
from kennel.capacity.scaling.target_tracking import TargetTracking
from kennel.capacity.search import Objective
from kennel.capacity.service_times import ServiceTimes
from kennel.capacity.timeline import Instance, Timeline
from kennel.capacity.traces import Trace, generate

RATES = Rates("us-east-1", "ml.m5.large", function_mb=512, payload_kb=100.0)


def plan(shape: str = "diurnal", total: int = 60_000, hours: float = 4, **settings: float) -> Plan:
    trace = generate(shape, total, np.random.default_rng(1), seconds=int(hours * 3600), **settings)  # type: ignore[arg-type]
    return Plan(trace, ServiceTimes(0.2, 0.5), Instance(2, 8, 120.0), RATES)


def silent(_: str) -> None:
    """Report no progress."""


def test_figures_of_requests_that_can_be_checked_by_hand() -> None:
    arrivals = np.array([0.0, 0.1, 0.2, 0.3])
    requests = Requests(arrivals, np.array([1.0, 0.2, 70.0, 5.0]), np.array([0.0, 1.0, 1.2, -1.0]))

    outcome = requests.outcome(2.0, {"instances": 3.0, "data": 0.5})

    assert (outcome.requests, outcome.queued, outcome.refused, outcome.slow) == (4, 2, 1, 1)
    assert outcome.failed_percent == 50.0
    assert outcome.latency_ms["p50"] == pytest.approx(1100.0), "the second of 1.0, 1.1 and 71 s"
    assert outcome.latency_ms["max"] == pytest.approx(71_000.0)
    assert outcome.mean_wait_ms == pytest.approx(1000 * (0 + 0.9 + 1.0) / 3)
    assert outcome.total == 3.5
    series = requests.series(120.0)
    assert series["requests"] == [4, 0]
    assert series["refused"] == [1, 0]
    assert series["p99_ms"] == [71_000.0, None]


def test_dollars_are_prices_times_what_is_used() -> None:
    made = plan(hours=2)
    mean_seconds = float(made.services.mean())

    fleet = made.instances(Timeline.fixed(3)).outcome
    assert fleet.instance_hours == 6
    assert fleet.dollars["instances"] == pytest.approx(
        6 * price("us-east-1", "sagemaker", "hosting/ml.m5.large").dollars
    )
    assert fleet.dollars["data"] == pytest.approx(
        60_000 * 100 / 1e6 * price("us-east-1", "sagemaker", "hosting data").dollars
    )

    alone = made.function(1769, Elastic(1000, 0.0)).outcome
    gb_second, request = (price("us-east-1", "lambda", item).dollars for item in ("duration", "request"))
    rounded_up = mean_seconds + 0.0005  # to milliseconds, by half of one on average
    assert alone.total == pytest.approx(60_000 * (request + rounded_up * 1769 / 1024 * gb_second), rel=1e-4)

    serverless = made.serverless(3, Elastic(200, 0.0)).outcome
    second = price("us-east-1", "sagemaker", "serverless/3GB").dollars
    data = price("us-east-1", "sagemaker", "serverless data").dollars
    assert serverless.dollars["serverless"] == pytest.approx(
        60_000 * (rounded_up * second + 100 / 1e6 * data), rel=1e-4
    )


def test_a_price_that_is_unknown_is_named() -> None:
    with pytest.raises(CapacityError, match=r"hosting/ml.c7i.large .* is unknown .* another --instance-type"):
        dataclasses.replace(RATES, instance_type="ml.c7i.large").instances(1.0)


def test_the_smallest_fixed_fleet_is_the_smallest() -> None:
    made, objective = plan(total=250_000), Objective(800.0, 0.1)

    served = search.fixed_fleet(made, objective, silent)

    assert served.timeline is not None
    ((_, instances),) = served.timeline.serving
    assert objective.met(served.outcome)
    assert instances > 1
    assert not objective.met(made.instances(Timeline.fixed(instances - 1)).outcome)


def test_an_objective_that_a_single_request_misses_is_refused() -> None:
    with pytest.raises(CapacityError, match="without any waiting"):
        search.fixed_fleet(plan(total=2000), Objective(100.0, 0.1), silent)


def test_the_cheapest_policy_is_that_of_trying_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "USES", (0.5, 0.8))
    monkeypatch.setattr(search, "OUT_COOLDOWNS", (60,))
    made, objective = plan("spike", hours=3, peak=6), Objective(900.0, 0.2)
    tried = []

    def count(line: str) -> None:
        tried.append(line)

    found = search.cheapest_policy(made, objective, 5, count)

    everyone = list(search.candidates(made, 5, silent))
    passed = [each for each in everyone if objective.met(made.instances(each.timeline).outcome)]
    assert found is not None
    assert 0 < len(passed) < len(everyone), "the objective divides them"
    assert found[0].dollars == min(each.dollars for each in passed)
    served = [line for line in tried if line.startswith("policy")]
    assert len(served) < len(everyone), "not every queue is computed"


def test_a_policy_follows_the_traffic_and_costs_less_than_a_fleet_for_its_peak() -> None:
    made = plan("spike", total=200_000, hours=12, peak=8)
    policy = TargetTracking(300, 1, 6, 60, 300)

    served, fleet = made.policy(policy), made.instances(Timeline.fixed(6))

    assert served.timeline is not None
    assert max(count for _, count in served.timeline.serving) > served.timeline.serving[0][1]
    assert served.timeline.serving[-1][1] < 6, "it has scaled in"
    assert served.outcome.instance_hours < fleet.outcome.instance_hours
    assert served.outcome.total < fleet.outcome.total
    assert served.outcome.latency_ms["p99"] > fleet.outcome.latency_ms["p99"]


def test_a_policy_begins_with_what_the_first_minutes_need() -> None:
    steady = plan("steady", total=240_000, hours=4)  # 1000 a minute

    assert steady.initial(TargetTracking(300, 1, 8)) == 4
    assert steady.initial(TargetTracking(300, 1, 2)) == 2
    assert steady.initial(TargetTracking(5000, 3, 8)) == 3
    assert steady.initial(TargetTracking(1.0, 1, 8, high_resolution=True)) == 4, "1000 / 60 x 0.2 s"


def test_the_document_has_every_way_and_what_sets_the_cheapest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "USES", (0.4, 0.7))
    monkeypatch.setattr(search, "IN_COOLDOWNS", (300,))
    policy, objective = TargetTracking(120, 1, 4, 60, 300), Objective(900.0, 0.5)
    ways = Ways(plan("diurnal", total=100_000, hours=24), policy, silent)
    ways.simulate()
    ways.rule(10.0)
    ways.search(objective)
    ways.compare(Alternatives(3, 1769, 2.0))

    document = ways.document(objective)

    assert list(document["ways"]) == [POLICY, RULE, FIXED, CHOSEN, SERVERLESS, FUNCTION]
    assert document["shown"] == CHOSEN
    chosen = document["ways"][CHOSEN]
    assert chosen["meets_objective"]
    assert chosen["total_dollars"] <= document["ways"][POLICY]["total_dollars"]
    assert document["ways"][RULE]["policy"]["target"] == 300
    assert f"invocations_per_instance   = {chosen['policy']['target']:g}" in document["terraform"]
    assert len(document["series"]["instances"]) == 1440
    assert sum(document["series"]["requests"]) == 100_000
    assert chosen["dollars_a_month"] == pytest.approx(chosen["total_dollars"] * 730 / 24, rel=1e-3)
    assert math.isfinite(document["ways"][FUNCTION]["latency_ms"]["p99"])


def test_a_trace_by_the_minute_of_an_hour() -> None:
    made = Plan(Trace(0.0, 60.0, np.full(60, 300)), ServiceTimes(0.1), Instance(2, 8, 60.0), RATES)

    outcome = made.policy(TargetTracking(120, 1, 4)).outcome

    assert outcome.requests == 18_000
    assert made.busiest_minute == 300
