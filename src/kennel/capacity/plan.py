"""One trace served in several ways: by a policy, a fixed fleet, a serverless endpoint, a function alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kennel.capacity.billing import FUNCTION_STEP, Rates
from kennel.capacity.elastic import Elastic, serve
from kennel.capacity.outcome import Outcome, Requests
from kennel.capacity.scaling.target_tracking import PERIOD, TargetTracking
from kennel.capacity.service_times import ServiceTimes
from kennel.capacity.timeline import Concurrency, Instance, Invocations, Queue, Timeline, follow
from kennel.capacity.traces import Trace

SAFETY_FACTOR = 0.5  # AWS's own for a first target: endpoint-scaling-loadtest in SageMaker's guide
SETTLED_SECONDS = 900.0


@dataclass(frozen=True)
class Served:
    """A way of serving a trace, and what it gave.

    Parameters
    ----------
    timeline
        The instances; None where single requests are billed.
    cold_starts
        Requests that waited for a new environment.
    billed_seconds
        Of the environments that served single requests, each rounded up as AWS does; 0 for instances.
    """

    outcome: Outcome
    requests: Requests
    timeline: Timeline | None = None
    cold_starts: int = 0
    billed_seconds: float = 0.0

    @property
    def latency_seconds(self) -> float:
        """What the function in front waits for answers, of all requests."""
        return float(self.requests.latencies().sum())


class Plan:
    """A trace with its requests drawn once, so that all ways of serving it meet the same ones.

    Parameters
    ----------
    seed
        Of the moments within a step, and the service times.
    """

    def __init__(
        self, trace: Trace, times: ServiceTimes, instance: Instance, rates: Rates, seed: int = 0
    ) -> None:
        self.trace, self.times, self.instance, self.rates = trace, times, instance, rates
        random = np.random.default_rng(seed)
        self.arrivals = trace.arrivals(random)
        self.services = times.draw(len(self.arrivals), random)

    @property
    def highest_rate(self) -> float:
        """Requests a second that one instance can answer."""
        return self.instance.workers / self.times.mean

    @cached_property
    def busiest_minute(self) -> int:
        """The most requests of a minute."""
        minutes = np.arange(0.0, self.trace.seconds + PERIOD, PERIOD)
        return int(np.diff(np.searchsorted(self.arrivals, minutes)).max())

    def initial(self, policy: TargetTracking) -> int:
        """Return the instances that a policy begins with: those that the first quarter of an hour needs."""
        first = np.searchsorted(self.arrivals, min(SETTLED_SECONDS, self.trace.seconds))
        a_second = float(first) / min(SETTLED_SECONDS, self.trace.seconds)
        tracked = a_second * (self.times.mean if policy.high_resolution else PERIOD)
        return max(policy.minimum, min(policy.maximum, math.ceil(tracked / policy.target)))

    def timeline(self, policy: TargetTracking) -> Timeline:
        """Return the instances that a policy has, without serving; for a metric that needs no queue."""
        return self._follow(policy, Invocations(self.arrivals))

    def policy(self, policy: TargetTracking) -> Served:
        """Serve with the instances of a policy."""
        if not policy.high_resolution:
            return self.instances(self.timeline(policy))
        queue = Queue(self.arrivals, self.services, self.instance)
        timeline = self._follow(policy, Concurrency(queue))
        return self._served(queue.begun, timeline)

    def instances(self, timeline: Timeline) -> Served:
        """Serve with the instances of a timeline."""
        return self._served(Queue(self.arrivals, self.services, self.instance).serve(timeline), timeline)

    def between(self, timeline: Timeline, begin: float, end: float) -> Requests:
        """Serve the requests of a part of the trace alone, with the instances of a timeline."""
        part = slice(*np.searchsorted(self.arrivals, [begin, end]).tolist())
        arrivals, services = self.arrivals[part], self.services[part]
        queue = Queue(arrivals, services, self.instance)
        first = int(timeline.serving_at(np.array([begin]))[0])
        later = [(time, count) for time, count in timeline.serving if begin < time < end]
        return Requests(arrivals, services, queue.serve(Timeline([(begin, first), *later])))

    def serverless(self, memory_gb: int, settings: Elastic) -> Served:
        """Serve with a serverless endpoint behind the function."""
        served = self._elastic(settings)
        dollars = self.rates.of_serverless(
            len(self.arrivals), served.latency_seconds, served.billed_seconds, memory_gb
        )
        return replace(served, outcome=served.requests.outcome(0.0, dollars))

    def function(self, memory_mb: int, settings: Elastic) -> Served:
        """Serve with a function that holds the model itself."""
        served = self._elastic(settings)
        dollars = {"function": self.rates.function(len(self.arrivals), served.billed_seconds, memory_mb)}
        return replace(served, outcome=served.requests.outcome(0.0, dollars))

    def instance_dollars(self, timeline: Timeline) -> float:
        """Return what a timeline's instances cost: what two of them differ by."""
        return self.rates.instances(timeline.hours(self.trace.seconds))

    def _follow(self, policy: TargetTracking, metric: Invocations | Concurrency) -> Timeline:
        offset = self.trace.start % PERIOD
        return follow(
            policy, self.initial(policy), self.instance.start_up, metric, self.trace.seconds, offset
        )

    def _served(self, begun: NDArray[np.float64], timeline: Timeline) -> Served:
        requests = Requests(self.arrivals, self.services, begun)
        hours, seconds = timeline.hours(self.trace.seconds), float(requests.latencies().sum())
        dollars = self.rates.of_instances(len(self.arrivals), seconds, hours)
        return Served(requests.outcome(hours, dollars), requests, timeline)

    def _elastic(self, settings: Elastic) -> Served:
        """Return what was served, without dollars."""
        begun, cold = serve(settings, self.arrivals, self.services)
        requests = Requests(self.arrivals, self.services, begun)
        worked = np.ceil(requests.latencies() / FUNCTION_STEP) * FUNCTION_STEP
        return Served(requests.outcome(0.0, {}), requests, None, cold, float(worked.sum()))


def rule_of_thumb(highest_rate: float) -> float:
    """Return AWS's own target for invocations per instance and minute: max RPS x safety factor x 60.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-loadtest.html
    """
    return math.floor(highest_rate * SAFETY_FACTOR * PERIOD)
