"""What users notice of bad releases behind a canary, and whether good ones stay, on a clock that is driven.

The alarms and the deployment configuration are those of prod, read from a plan of the stack's own modules.
The local cloud's own code shifts the traffic, bakes, evaluates the alarms and rolls back; only the model
servers are scripted, one object for a fleet: whether a request fails and how long it takes is drawn from a
seed. Bad releases answer 5xx to 20 % of their requests, or are five times slower, or give wrong labels.
Good ones are deployed under ordinary traffic, and in a lull with less than a request a minute.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).with_name("guards")))
import golden_check
import service
import settings

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime import cloudwatch_metrics
from kennel.localcloud.services.sagemaker.endpoints.alarm_watch import AlarmWatch
from kennel.localcloud.services.sagemaker.endpoints.deployment import ALARM_SECONDS, Deployment
from kennel.localcloud.services.sagemaker.endpoints.rollout import Rollout, read_rollout
from kennel.localcloud.services.sagemaker.endpoints.traffic import Traffic

VARIANT = "AllTraffic"
STEP_SECONDS = 10.0  # between two steps of the clock; the requests of a step come at its beginning
BEFORE_SECONDS = 120.0  # of ordinary traffic before a deployment
STARTUP_SECONDS = (60.0, 300.0)  # of a new fleet
BUSY = (3.0, 10.0)  # requests a second, of all instances
LULL = (0.0, 1 / 60)
SIGMA = 0.4  # of the logarithm of a latency
P99_OF_LIMIT = 0.4  # an ordinary release's p99 latency, as a share of the alarm's limit
Z99 = 2.3263  # the standard normal distribution's


@dataclass(frozen=True)
class Scenario:
    """A kind of release and the traffic that it meets."""

    failing: float = 0.0
    slower: float = 1.0
    rates: tuple[float, float] = BUSY
    good: bool = False


SCENARIOS = {
    "errors on 20 %": Scenario(failing=0.2),
    "5 x latency": Scenario(slower=5.0),
    "good, busy": Scenario(good=True),
    "good, lull": Scenario(rates=LULL, good=True),
}


@dataclass
class ScriptedFleet:
    """A fleet whose instances are scripted: it comes up after a time and answers by a scenario."""

    cloud: Cloud
    scenario: Scenario
    instances: int
    startup_seconds: float = 0.0
    count: int = 0

    def start(self, counts: Mapping[str, int] | None = None) -> None:
        """Come up."""
        self.cloud.clock.wait(self.startup_seconds)
        self.scale(counts or self.wanted())

    def wanted(self) -> dict[str, int]:
        """Return the instances that it is to have."""
        return {VARIANT: self.instances}

    def counts(self) -> dict[str, int]:
        """Return the instances that it has."""
        return {VARIANT: self.count}

    def scale(self, counts: Mapping[str, int]) -> None:
        """Have so many instances."""
        self.count = counts[VARIANT]

    def wait(self) -> None:
        """Have them at once."""

    def choose(self, target: str | None) -> ScriptedFleet:
        """Return itself: its only variant."""
        return self

    def answer(self, drawn: random.Random, median: float) -> tuple[bool, float]:
        """Return whether it answers a request with 5xx, and after how many microseconds."""
        latency = median * self.scenario.slower * math.exp(drawn.gauss(0.0, SIGMA))
        return drawn.random() < self.scenario.failing, latency


@dataclass
class Run:
    """One deployment of one endpoint, and what its users notice."""

    cloud: Cloud
    name: str
    seed: int
    scenario: Scenario
    guards: settings.Guards
    rollout: Rollout
    instances: int
    seen: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.drawn = random.Random(f"{self.name} {self.seed}")  # noqa: S311 - traffic, not a secret
        self.rate = self.drawn.uniform(*self.scenario.rates)
        self.median = self.guards.latency_limit * P99_OF_LIMIT / math.exp(Z99 * SIGMA)
        old = ScriptedFleet(self.cloud, Scenario(good=True), self.instances, count=self.instances)
        self.new = ScriptedFleet(
            self.cloud, self.scenario, self.instances, self.drawn.uniform(*STARTUP_SECONDS)
        )
        self.traffic: Any = Traffic(old)
        self.thread: threading.Thread | None = None
        self.deployment: Deployment | None = None
        self.began = self.shifted = self.ended = math.nan

    def begin(self, role: str) -> None:
        """Deploy the new fleet, in a thread that takes part in the clock."""
        clock = self.cloud.clock
        new: Any = self.new
        names = [f"{self.name}-{alarm['AlarmName']}" for alarm in self.guards.alarms]
        never = threading.Event()
        deployment = self.deployment = Deployment(
            self.rollout,
            AlarmWatch(self.cloud, role, names),
            self.traffic,
            new,
            self._route,
            lambda stage: None,
            lambda seconds: clock.wait(seconds, never),
            clock.monotonic,
            ALARM_SECONDS,
        )
        participant = clock.participant(self.name)
        self.began = clock.time()

        def work() -> None:
            with clock.taking_part(participant):
                deployment.run()
                self.ended = clock.time()

        self.thread = threading.Thread(target=work, name=self.name, daemon=True)
        self.thread.start()

    def _route(self, traffic: Traffic) -> None:
        self.traffic = traffic
        if math.isnan(self.shifted):
            self.shifted = self.cloud.clock.time()

    @property
    def over(self) -> bool:
        """Whether the deployment has ended."""
        return not math.isnan(self.ended)

    @property
    def promoted(self) -> bool:
        """Whether the new fleet serves."""
        return self.deployment is not None and not self.deployment.reason

    def requests(self) -> None:
        """Send what a step's requests are, and publish what SageMaker does of each."""
        for _ in range(_poisson(self.drawn, self.rate * STEP_SECONDS)):
            fleet: Any = self.traffic.choose(None)
            failed, latency = fleet.answer(self.drawn, self.median)
            cloudwatch_metrics.publish(
                self.cloud,
                "AWS/SageMaker",
                {"EndpointName": self.name, "VariantName": VARIANT},
                Invocations=1,
                ModelLatency=latency,
                Invocation5XXErrors=int(failed),
            )
            if not math.isnan(self.shifted) and not self.over:
                self.seen["requests"] += 1
                self.seen["of the new release"] += fleet is self.new
                harmed = failed or latency > self.guards.latency_limit
                self.seen["harmed"] += fleet is self.new and harmed


def _poisson(drawn: random.Random, mean: float) -> int:
    """Return how many of randomly arriving requests come, where ``mean`` come on average."""
    count, until = 0, drawn.expovariate(1.0)
    while until < mean:
        count, until = count + 1, until + drawn.expovariate(1.0)
    return count


def deployed(cloud: Cloud, runs: list[Run], client: Any, role: str) -> Iterator[Run]:
    """Deploy all runs' releases side by side, and yield each as its deployment ends."""
    for run in runs:
        for alarm in run.guards.alarms:
            dimensions = [{**each} for each in alarm["Dimensions"]]
            for each in dimensions:
                each["Value"] = run.name if each["Name"] == "EndpointName" else each["Value"]
            client.put_metric_alarm(
                **{**alarm, "AlarmName": f"{run.name}-{alarm['AlarmName']}", "Dimensions": dimensions}
            )
    pending, begins = list(runs), cloud.clock.time() + BEFORE_SECONDS
    while pending:
        for run in pending:
            run.requests()
        if cloud.clock.time() >= begins:
            for run in pending:
                if run.thread is None:
                    run.begin(role)
        cloud.clock.advance(STEP_SECONDS)
        for run in pending:
            if run.over:
                yield run
        pending = [run for run in pending if not run.over]


def summary(runs: list[Run], weight: float) -> dict[str, Any]:
    """Return what became of a scenario's runs: shares of the users' requests until the deployments ended."""
    shares = {
        what: [run.seen[what] / run.seen["requests"] for run in runs if run.seen["requests"]]
        for what in ("of the new release", "harmed")
    }
    minutes = sorted((run.ended - run.shifted) / 60 for run in runs)
    return {
        "runs": len(runs),
        "promoted": sum(run.promoted for run in runs),
        "rolled_back": sum(not run.promoted for run in runs),
        "requests": sum(run.seen["requests"] for run in runs),
        "minutes_after_shift": {
            "median": round(minutes[len(minutes) // 2], 1),
            "most": round(minutes[-1], 1),
        },
        "canary_weight": weight,
        **{
            f"share_{what.replace(' ', '_')}": {
                "mean": round(sum(values) / len(values), 4) if values else 0.0,
                "most": round(max(values, default=0.0), 4),
            }
            for what, values in shares.items()
        },
    }


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the logs of a thousand alarms from standard error."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def measured(runs: int, seed: int, instances: int) -> dict[str, Any]:
    """Run every scenario so many times, and the check of labels; return the document."""
    guards = settings.planned(instances)
    rollout = read_rollout(guards.deployment, {VARIANT: instances})
    figures: dict[str, Any] = {}
    with quiet(), tempfile.TemporaryDirectory() as folder, service.running(Path(folder)) as local:
        random.seed(seed)  # of the share of the traffic
        for title, scenario in SCENARIOS.items():
            began = time.monotonic()
            made = [
                Run(local.cloud, f"{_name(title)}-{number}", seed, scenario, guards, rollout, instances)
                for number in range(runs)
            ]
            ended: list[Run] = []
            for run in deployed(local.cloud, made, local.client("cloudwatch"), local.role):
                ended.append(run)
                if len(ended) % 25 == 0 or len(ended) == runs:
                    print(f"{title}: {len(ended)} of {runs} deployments ended", file=sys.stderr)
            figures[title] = summary(ended, rollout.shares[0])
            figures[title]["seconds"] = round(time.monotonic() - began, 1)
        figures["wrong labels"] = golden_check.compared(local, runs, seed)
    bad = [figures[title] for title, scenario in SCENARIOS.items() if not scenario.good]
    good = [figures[title] for title, scenario in SCENARIOS.items() if scenario.good]
    labels = figures["wrong labels"]
    document = {
        "instances": instances,
        "seed": seed,
        "rollout": guards.deployment,
        "alarms": [alarm["AlarmName"] for alarm in guards.alarms],
        "scenarios": figures,
        "bad_promoted": sum(each["promoted"] for each in bad) + labels["wrong_passed"],
        "good_rolled_back": sum(each["rolled_back"] for each in good) + labels["right_refused"],
        "bounded": all(each["share_harmed"]["most"] <= each["canary_weight"] for each in bad),
    }
    document["ok"] = bool(
        not document["bad_promoted"] and not document["good_rolled_back"] and document["bounded"]
    )
    return document


def _name(title: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in title).strip("-")


def main() -> int:
    """Measure, and print the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="of each scenario")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--instances", type=int, default=5, help="that serve, and that the new release gets")
    options = parser.parse_args()
    if options.instances < 2:
        parser.error("a canary needs two instances or more: give --instances 2")
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    document = measured(options.runs, options.seed, options.instances)
    print(json.dumps(document, indent=2))
    return 0 if document["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
