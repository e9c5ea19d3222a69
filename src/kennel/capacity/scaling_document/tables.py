"""The tables of docs/scaling.md."""

from __future__ import annotations

import math

from kennel.capacity import assumptions
from kennel.capacity.billing import Rates
from kennel.capacity.markdown import dollars, table
from kennel.capacity.prices import HOURS_A_MONTH
from kennel.capacity.scaling_document import chosen_runs
from kennel.capacity.scaling_document.chosen_runs import ChosenRuns
from kennel.capacity.scaling_document.runs import Recorded, Result, Run
from kennel.capacity.traces import DAY_SECONDS

FLEETS = (2, 3, 5, 8)


def targets(runs: ChosenRuns, recorded: Recorded, rates: Rates) -> str:
    """Return the table of targets."""
    rows = []
    for target in runs.targets():
        name = f"{target:g} (AWS's rule)" if target == chosen_runs.RULE else f"{target:g}"
        cells = [name, f"{100 * target / (60 * chosen_runs.RATE):.0f} %"]
        for shape in chosen_runs.SHAPES:
            run = runs.run(shape, target)
            first = f"{recorded[run]['p99_ms']:.0f} ms" if shape == "diurnal" else refused(recorded, run)
            cells.append(f"{first}, {instances(recorded[run], rates)}")
        rows.append(cells)
    columns = ("target", "of an instance's limit", "diurnal: p99, $ for instances", "spike: refused, $")
    return table((*columns, "flash crowd: refused, $"), rows)


def start_ups(runs: ChosenRuns, recorded: Recorded) -> str:
    """Return the table of start-up times."""
    chosen = {
        seconds: runs.run("spike", chosen_runs.RULE, start_up=seconds) for seconds in chosen_runs.START_UPS
    }
    row = ("refused", *(refused(recorded, run) for run in chosen.values()))
    return table(("start-up", *(f"{seconds} s" for seconds in chosen)), [row])


def minima(runs: ChosenRuns, recorded: Recorded, rates: Rates) -> str:
    """Return the table of the least instances."""
    rows = []
    for minimum in chosen_runs.MINIMA:
        days = [runs.run(shape, chosen_runs.RULE, minimum=minimum) for shape in ("spike", "flash-crowd")]
        cells = [f"{refused(recorded, run)}, {instances(recorded[run], rates)}" for run in days]
        rows.append((str(minimum), *cells))
    return table(("minimum", "spike", "flash crowd"), rows)


def compared(runs: ChosenRuns, recorded: Recorded, rates: Rates) -> str:
    """Return the table of ways of serving a day, by the month."""
    rows = []
    for requests, shape in chosen_runs.COMPARED:
        result, month = (
            recorded[runs.comparison(requests, shape)],
            months(runs, recorded, rates, requests, shape),
        )
        policy, counts = result["cheapest"]["policy"], result["cheapest"]
        range_ = f"{policy['target']:g}, {counts['least']} to {counts['most']} instances"
        if counts["least"] == counts["most"]:
            range_ = _count(counts["most"])
        cells = [
            f"{_short(month['cheapest'])}: {range_}",
            f"{_short(month['fixed'])}: {result['fixed']['most']}",
        ]
        rows.append(
            (
                f"{requests:,}",
                shape.replace("-", " "),
                *cells,
                _short(month["serverless"]),
                _short(month["function"]),
            )
        )
    columns = ("requests a day", "shape", "cheapest policy: target, instances", "fixed fleet: instances")
    return table((*columns, "serverless endpoint", "Lambda alone"), rows)


def months(runs: ChosenRuns, recorded: Recorded, rates: Rates, requests: int, shape: str) -> dict[str, float]:
    """Return the dollars a month of each way of serving a day."""
    result = recorded[runs.comparison(requests, shape)]
    days = HOURS_A_MONTH * 3600 / DAY_SECONDS
    elastic, alone = result["serverless"], result["function"]
    bills = {
        name: rates.of_instances(requests, result[name]["latency_seconds"], result[name]["hours"])
        for name in ("cheapest", "fixed")
    }
    bills["serverless"] = rates.of_serverless(
        requests, elastic["latency_seconds"], elastic["billed_seconds"], assumptions.SERVERLESS_GB
    )
    bills["function"] = {
        "function": rates.function(requests, alone["billed_seconds"], assumptions.FUNCTION_MB)
    }
    return {name: days * sum(bill.values()) for name, bill in bills.items()}


def canaries(percent: float) -> str:
    """Return the table of canaries by the size of the fleet, as modules/endpoint calculates them.

    A request of which 20 % fail is met in a minute with 99 % certainty by so many requests to the canary.
    """
    needed = math.ceil(math.log(0.01) / math.log(0.8))
    rows = []
    for fleet in FLEETS:
        size = max(1, min(math.ceil(fleet * percent / 100), fleet // 2))
        share = size / fleet
        rows.append((str(fleet), str(size), f"{100 * share:.0f} %", f"{math.ceil(needed / share)}"))
    columns = ("instances", "canary", "users who meet it at most")
    return table(
        (*columns, "requests a minute that show errors on a fifth, 99 times of 100, in that minute"), rows
    )


def refused(recorded: Recorded, run: Run) -> str:
    """Return the share of a day's requests that failed."""
    share = 100 * recorded[run]["failed"] / run.traffic.requests
    return f"{share:.2f} %" if share else "0"


def instances(result: Result, rates: Rates) -> str:
    """Return the dollars of a day's instances."""
    return dollars(rates.instances(result["hours"]))


def _count(number: int) -> str:
    return "one instance" if number == 1 else f"{number} instances"


def _short(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 10 else dollars(amount)
