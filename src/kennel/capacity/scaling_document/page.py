"""docs/scaling.md: the template with its figures, and the sentences of it that figures must bear out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kennel.capacity import CapacityError, assumptions, prices
from kennel.capacity.billing import MB_A_GB, Rates
from kennel.capacity.cost.charges import SECONDS_A_MONTH
from kennel.capacity.markdown import dollars, table, wrapped
from kennel.capacity.measured import figure, measured
from kennel.capacity.plan import SAFETY_FACTOR, rule_of_thumb
from kennel.capacity.prices import HOURS_A_MONTH, decimal
from kennel.capacity.scaling_document import chosen_runs, tables
from kennel.capacity.scaling_document.chosen_runs import MILLION, REQUESTS, RULE, ChosenRuns
from kennel.capacity.scaling_document.runs import Recorded, Run
from kennel.capacity.scaling_document.settings import Settings
from kennel.capacity.traces import DAY_SECONDS

TEMPLATE = Path(__file__).with_name("scaling.md")
PAGE = "scaling.md"


def page(settings: Settings) -> str:
    """Return the document.

    Raises
    ------
    CapacityError
        A run is missing, or the figures contradict a sentence of the template.
    """
    figures = _Figures(settings)
    for sentence, holds in figures.claims():
        if not holds:
            raise CapacityError(f"{TEMPLATE} says that {sentence}, which is no longer so: write it anew")
    return wrapped(TEMPLATE.read_text(encoding="utf-8").format_map(figures.all()))


class _Figures:
    """Everything that the template names."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._runs, self._recorded = settings, ChosenRuns(settings), Recorded()
        self._rates = Rates(
            assumptions.REGION, settings.instance_type, settings.function_mb, assumptions.PAYLOAD_KB
        )
        self._months = {
            day: tables.months(self._runs, self._recorded, self._rates, *day) for day in chosen_runs.COMPARED
        }

    def all(self) -> dict[str, Any]:
        """Return the figures by their names in the template."""
        return {
            **self._assumed(),
            **self._target(),
            **self._cooldowns(),
            **self._metric(),
            **self._bounds(),
            **self._compared(),
            **self._provisioned(),
            **self._deployments(),
        }

    def claims(self) -> Iterator[tuple[str, bool]]:
        """Yield sentences of the template, and whether they hold."""
        months, runs, recorded = self._months, self._runs, self._recorded
        yield (
            "Lambda alone is the cheapest in every row",
            all(month["function"] == min(month.values()) for month in months.values()),
        )
        crowds = [months[REQUESTS, shape] for shape in ("spike", "flash-crowd")]
        yield (
            "a serverless endpoint is cheaper than instances with crowds at three million",
            all(month["serverless"] < min(month["cheapest"], month["fixed"]) for month in crowds),
        )
        yield (
            "scaling does nothing against a crowd that a larger fleet does not do as well",
            months[REQUESTS, "flash-crowd"]["fixed"] <= months[REQUESTS, "flash-crowd"]["cheapest"],
        )
        yield (
            "a fast start-up is where the metric of ten seconds helps",
            recorded[runs.crowd(chosen_runs.FAST, concurrent=True)]["failed"]
            < recorded[runs.crowd(chosen_runs.FAST, concurrent=False)]["failed"],
        )
        days = [recorded[runs.run("diurnal", target)]["hours"] for target in runs.targets()]
        yield "a lower target costs more", days == sorted(days, reverse=True)
        yield "the endpoint's limit is met before the function's", self._fleet_rate < self._function_rate
        passes = self._settings.default("observability", "latency_p99_ms") / 1000
        yield "an int8 release which is five times slower passes", passes > 5 * figure("busy_p95_seconds")
        yield "bake_seconds is at least the alarm's window", self._bake >= self._least_bake

    def _assumed(self) -> dict[str, Any]:
        settings = self._settings
        rows = [
            (each["text"], decimal(each["value"]), f"[{name}]({name})")
            for each in measured()["figures"].values()
            for name in [Path(each["document"]).name]
            if PAGE in each["pages"]
        ]
        return {
            "machine": measured()["machine"]["text"],
            "measured": table(("what", "figure", "from"), rows),
            "instance_type": settings.instance_type,
            "function_mb": settings.function_mb,
            "function_mb_alone": assumptions.FUNCTION_MB,
            "workers": assumptions.WORKERS,
            "service_ms": assumptions.SERVICE_MS,
            "waiting": assumptions.WAITING,
            "rate": figure("answers_per_second"),
            "start_up": assumptions.START_UP,
            "serverless_gb": assumptions.SERVERLESS_GB,
            "cold_start": assumptions.COLD_START,
            "region": assumptions.REGION,
            "payload_kb": assumptions.PAYLOAD_KB,
            "hours_a_month": HOURS_A_MONTH,
        }

    def _target(self) -> dict[str, Any]:
        runs, recorded, target = self._runs, self._recorded, self._settings.policy.target
        rule, default = recorded[runs.run("diurnal", RULE)], recorded[runs.run("diurnal", target)]
        low = min(chosen_runs.LOW)
        slow, slow_low = recorded[runs.slow(target)], recorded[runs.slow(low)]
        return {
            "requests": REQUESTS,
            "million": MILLION,
            "most": chosen_runs.MOST,
            "targets": tables.targets(runs, recorded, self._rates),
            "target": target,
            "safety": SAFETY_FACTOR,
            "rule": RULE,
            "low": low,
            "rule_p99": rule["p99_ms"],
            "default_p99": default["p99_ms"],
            "rule_share": 100 * rule["hours"] / default["hours"],
            "torch_rate": figure("torch_answers_per_second"),
            "torch_rule": rule_of_thumb(figure("torch_answers_per_second")),
            "fp32_rule": rule_of_thumb(figure("fp32_answers_per_second")),
            "torch_ms": runs.slow(target).traffic.service_ms,
            "torch_p99": slow["p99_ms"],
            "torch_dollars": tables.instances(slow, self._rates),
            "torch_low_p99": slow_low["p99_ms"],
            "torch_low_dollars": tables.instances(slow_low, self._rates),
            "fast_dollars": tables.instances(recorded[runs.fast(RULE)], self._rates),
        }

    def _cooldowns(self) -> dict[str, Any]:
        spikes = self._runs.cooldowns("spike")
        shares = [100 * self._recorded[run]["failed"] / REQUESTS for run in spikes]
        pairs = [f"{after_out} and {after_in}" for after_out, after_in in chosen_runs.COOLDOWNS]
        return {
            "cooldowns": ", ".join(pairs[:-1]) + f" or {pairs[-1]}",
            "cooldown_refused": _range(shares),
            "cooldown_dollars": _range(self._instance_dollars(spikes)),
            "cooldown_diurnal": _range(self._instance_dollars(self._runs.cooldowns("diurnal"))),
            "out_cooldown": self._settings.policy.scale_out_cooldown,
            "in_cooldown": self._settings.policy.scale_in_cooldown,
            "start_ups": tables.start_ups(self._runs, self._recorded),
        }

    def _instance_dollars(self, runs: list[Run]) -> list[float]:
        return [self._rates.instances(self._recorded[run]["hours"]) for run in runs]

    def _metric(self) -> dict[str, Any]:
        fast, usual = (
            {concurrent: self._runs.crowd(seconds, concurrent=concurrent) for concurrent in (False, True)}
            for seconds in (chosen_runs.FAST, assumptions.START_UP)
        )
        return {
            "fast": chosen_runs.FAST,
            "fast_concurrent": tables.refused(self._recorded, fast[True]),
            "fast_invocations": tables.refused(self._recorded, fast[False]),
            "usual_concurrent": tables.refused(self._recorded, usual[True]),
            "usual_invocations": tables.refused(self._recorded, usual[False]),
            "concurrent_most": self._recorded[usual[True]]["most"],
            "invocations_most": self._recorded[usual[False]]["most"],
            "concurrent": self._settings.concurrent,
        }

    def _bounds(self) -> dict[str, Any]:
        most = int(self._settings.in_prod("autoscaling", "max_instances"))
        return {
            "minima": tables.minima(self._runs, self._recorded, self._rates),
            "minimum": self._settings.policy.minimum,
            "prod_minimum": int(self._settings.in_prod("autoscaling", "min_instances")),
            "prod_maximum": most,
            "prod_intended": most * round(RULE),
            "prod_limit": round(60 * self._fleet_rate),
            "instance_month": dollars(self._rates.instances(HOURS_A_MONTH)),
        }

    @property
    def _fleet_rate(self) -> float:
        """Requests a second that prod's most instances answer."""
        return self._settings.in_prod("autoscaling", "max_instances") * chosen_runs.RATE

    @property
    def _function_rate(self) -> float:
        """Requests a second that prod's function answers at most."""
        return self._settings.in_prod("function", "reserved_concurrency") / figure("function_seconds")

    def _compared(self) -> dict[str, Any]:
        def saved(requests: int, shape: str = "diurnal") -> float:
            month = self._months[requests, shape]
            return 100 * (1 - month["cheapest"] / month["fixed"])

        one, serverless = (self._months[MILLION, "diurnal"][name] for name in ("fixed", "serverless"))
        # Data and the function are paid for beside both, by the request.
        fleet = self._recorded[self._runs.comparison(MILLION, "diurnal")]["fixed"]
        beside = sum(self._rates.of_instances(MILLION, fleet["latency_seconds"], 0.0).values())
        beside *= HOURS_A_MONTH * 3600 / DAY_SECONDS
        return {
            "objective_p99": chosen_runs.P99_MS,
            "objective_failed": assumptions.FAILED_PERCENT,
            "compared": tables.compared(self._runs, self._recorded, self._rates),
            "saved_three": saved(REQUESTS),
            "saved_ten": saved(10_000_000),
            "saved_spike": saved(REQUESTS, "spike"),
            "serverless_equal": (one - beside) / (serverless - beside),
        }

    def _provisioned(self) -> dict[str, Any]:
        settings = self._settings
        month = _price("provisioned concurrency") * settings.function_mb / MB_A_GB * SECONDS_A_MONTH
        least, most, reserved = (
            settings.in_prod("function", name)
            for name in ("provisioned_concurrency", "provisioned_concurrency_max", "reserved_concurrency")
        )
        return {
            "utilization": settings.default("function", "provisioned_utilization"),
            "prod_provisioned": least,
            "prod_provisioned_max": most,
            "prod_reserved": reserved,
            "provisioned_month": dollars(month),
            "prod_provisioned_month": dollars(least * month),
            "prod_provisioned_most": dollars(most * month),
            "provisioned_share": 100 * _price("provisioned duration") / _price("duration"),
            "function_ms": 1000 * figure("function_seconds"),
            "function_rate": self._function_rate,
            "fleet_rate": self._fleet_rate,
        }

    @property
    def _bake(self) -> float:
        return self._settings.default("endpoint", "bake_seconds")

    @property
    def _least_bake(self) -> float:
        """What the variable endpoint accepts outside a rehearsal."""
        return 60 * (self._settings.default("observability", "latency_minutes") + 1)

    def _deployments(self) -> dict[str, Any]:
        settings = self._settings
        wait = settings.default("endpoint", "termination_wait_seconds")
        percent = settings.default("endpoint", "rollout_percent")
        instances = settings.in_prod("endpoint", "instance_count")
        limit = settings.default("observability", "latency_p99_ms")
        twice = self._rates.instances(instances * (self._bake + wait) / 3600)
        return {
            "latency_minutes": settings.default("observability", "latency_minutes"),
            "limit": limit,
            "limit_torch": limit / 1000 / figure("torch_busy_p95_seconds"),
            "limit_int8": limit / 1000 / figure("busy_p95_seconds"),
            "limit_advised": 3000 * figure("busy_p95_seconds"),
            "bake": self._bake,
            "least_bake": self._least_bake,
            "bake_slack": self._bake - self._least_bake,
            "wait": wait,
            "percent": percent,
            "canaries": tables.canaries(percent),
            "prod_instances": instances,
            "bake_cents": f"{100 * twice:.1f}",
        }


def _range(values: list[float]) -> str:
    """Return the least and the most of some values, or the one that all are."""
    least, most = dollars(min(values)), dollars(max(values))
    return least if least == most else f"{least} to {most}"


def _price(item: str) -> float:
    price = prices.price(assumptions.REGION, "lambda", item).dollars
    assert price is not None, f"the page quotes lambda {item}, whose price is not known"
    return price
