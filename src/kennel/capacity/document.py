"""The result of the task `capacity`: several ways of serving one trace, side by side, as one document."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kennel.capacity import CapacityError
from kennel.capacity.elastic import Elastic
from kennel.capacity.plan import Plan, Served, rule_of_thumb
from kennel.capacity.prices import HOURS_A_MONTH
from kennel.capacity.scaling.target_tracking import TargetTracking
from kennel.capacity.search import Objective, Progress, cheapest_policy, fixed_fleet
from kennel.capacity.timeline import Timeline

POLICY, RULE, CHOSEN = "target tracking", "target tracking, AWS's rule", "target tracking, cheapest"
FIXED, SERVERLESS, FUNCTION = "fixed fleet", "serverless endpoint", "Lambda alone"
SERVERLESS_LIMIT, FUNCTION_LIMIT = 200, 1000  # AWS's quotas: of an endpoint, of an account


@dataclass(frozen=True)
class Alternatives:
    """What serves single requests, for comparison.

    Parameters
    ----------
    serverless_gb, function_mb
        Memory. A request is taken to need the time that a worker of an instance needs.
    cold_start
        Seconds.
    """

    serverless_gb: int
    function_mb: int
    cold_start: float


class Ways:
    """Serves a plan in several ways and keeps what each gave.

    Parameters
    ----------
    plan
        The trace with its requests.
    policy
        The policy to simulate.
    """

    def __init__(self, plan: Plan, policy: TargetTracking, progress: Progress) -> None:
        self.plan, self.policy, self._progress = plan, policy, progress
        self.served: dict[str, Served] = {}
        self.policies: dict[str, TargetTracking] = {}

    def simulate(self) -> None:
        """Serve with the policy."""
        self._progress("the policy")
        self._keep(POLICY, self.policy, self.plan.policy(self.policy))

    def rule(self, highest_rate: float) -> None:
        """Serve with AWS's rule for a target in place of the policy's.

        Parameters
        ----------
        highest_rate
            Requests a second that a load test found.
        """
        self._progress("AWS's rule")
        target = rule_of_thumb(highest_rate)
        policy = TargetTracking(**{**asdict(self.policy), "target": target, "high_resolution": False})
        self._keep(RULE, policy, self.plan.policy(policy))

    def search(self, objective: Objective) -> None:
        """Find the cheapest policy that meets an objective, and the smallest fixed fleet.

        Raises
        ------
        CapacityError
            No policy meets it.
        """
        fleet = fixed_fleet(self.plan, objective, self._progress)
        self.served[FIXED] = fleet
        chosen = cheapest_policy(self.plan, objective, _instances(fleet), self._progress)
        if chosen is None:
            raise CapacityError(
                f"no policy meets the objective; a fixed fleet of {_instances(fleet)} instances does: "
                "set min_instances to it, or give a higher --p99 or --failed-percent"
            )
        self._keep(CHOSEN, chosen[0].policy, chosen[1])

    def compare(self, alternatives: Alternatives) -> None:
        """Serve with a fixed fleet of the policy's maximum, a serverless endpoint, and a function alone."""
        if FIXED not in self.served:
            self._progress("a fixed fleet")
            self.served[FIXED] = self.plan.instances(Timeline.fixed(self.policy.maximum))
        self._progress("a serverless endpoint")
        self.served[SERVERLESS] = self.plan.serverless(
            alternatives.serverless_gb, Elastic(SERVERLESS_LIMIT, alternatives.cold_start)
        )
        self._progress("a function alone")
        self.served[FUNCTION] = self.plan.function(
            alternatives.function_mb, Elastic(FUNCTION_LIMIT, alternatives.cold_start)
        )

    def document(self, objective: Objective | None) -> dict[str, Any]:
        """Return everything as one document; ``series`` are those of the policy, or of the cheapest one."""
        plan, best = self.plan, CHOSEN if CHOSEN in self.served else POLICY
        shown = self.served[best]
        document = {
            "trace": {
                "start": plan.trace.start,
                "seconds": plan.trace.seconds,
                "step": plan.trace.step,
                "requests": plan.trace.total,
                "busiest_minute": plan.busiest_minute,
            },
            "instance": {
                "type": plan.rates.instance_type,
                **asdict(plan.instance),
                "service_ms": round(1000 * plan.times.mean, 3),
                "service_cv": plan.times.cv,
                "highest_rate": round(plan.highest_rate, 3),
            },
            "ways": {name: self._way(name, served, objective) for name, served in self.served.items()},
            "shown": best,
            "series": _series(shown, plan.trace.seconds),
            "terraform": terraform(self.policies[best]),
        }
        return document if objective is None else {**document, "objective": asdict(objective)}

    def _keep(self, name: str, policy: TargetTracking, served: Served) -> None:
        self.policies[name], self.served[name] = policy, served

    def _way(self, name: str, served: Served, objective: Objective | None) -> dict[str, Any]:
        figures = served.outcome.as_dict()
        share = HOURS_A_MONTH * 3600 / self.plan.trace.seconds
        figures["dollars_a_month"] = round(served.outcome.total * share, 2)
        if served.timeline:
            counts = [count for _, count in served.timeline.serving]
            figures["instances"] = {"least": min(counts), "most": max(counts)}
        else:
            figures["cold_starts"] = served.cold_starts
        if name in self.policies:
            figures["policy"] = asdict(self.policies[name])
        if objective:
            figures["meets_objective"] = objective.met(served.outcome)
        return figures


def terraform(policy: TargetTracking) -> str:
    """Return the Terraform variable that sets a policy, for an environment's file."""
    concurrency = {
        "concurrent_requests_per_instance": f"{policy.target:g}",
        "metric": '"CONCURRENCY"',
    }
    invocations = {"invocations_per_instance": f"{policy.target:g}"}
    values = {
        **(concurrency if policy.high_resolution else invocations),
        "max_instances": policy.maximum,
        "min_instances": policy.minimum,
        "scale_in_cooldown_seconds": f"{policy.scale_in_cooldown:g}",
        "scale_out_cooldown_seconds": f"{policy.scale_out_cooldown:g}",
    }
    width = max(map(len, values))
    lines = [f"  {name:{width}} = {value}" for name, value in sorted(values.items())]
    return "\n".join(["autoscaling = {", *lines, "}"])


def _instances(served: Served) -> int:
    assert served.timeline
    return served.timeline.serving[0][1]


def _series(served: Served, seconds: float) -> dict[str, Any]:
    """Return the figures by time, with the instances that serve at the end of each step."""
    assert served.timeline
    series = served.requests.series(seconds)
    ends = (np.arange(len(series["requests"])) + 1) * series["step"]
    return {**series, "instances": served.timeline.serving_at(np.minimum(ends, seconds)).tolist()}
