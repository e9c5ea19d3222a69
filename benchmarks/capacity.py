"""Measures the simulator of `capacity`: a day of ten million requests, its queues against theory and routing.

``PYTHONPATH=src .venv/bin/python benchmarks/capacity.py`` prints one JSON document:

- ``day``: seconds of `./kennel capacity --json` for a day at a resolution of one second, as a process;
  ``processor`` are those of its processor time.
- ``erlang``: the mean waiting time over Erlang's formula for M/M/c, at several numbers of workers and uses.
- ``routing``: what the simulator's one queue for all instances leaves out. A request goes to the instance
  with the least outstanding requests when it arrives, and waits for that instance's workers. Percentiles of
  latency by such routing, simulated request by request, over those by one queue.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kennel.capacity import assumptions
from kennel.capacity.fleet import REFUSED, Fleet
from kennel.capacity.service_times import ServiceTimes
from kennel.capacity.traces import DAY_SECONDS, generate

ROOT = Path(__file__).resolve().parents[1]
USES, WORKERS = (0.5, 0.8, 0.9), (1, 4, 16)
INSTANCES = (2, 4, 8)
MEAN = assumptions.SERVICE_MS / 1000  # a release of docs/performance.md on two cores


def day(shape: str, requests: int) -> dict[str, Any]:
    """Return what the task takes for a day, from the start of its process to its end."""
    command = [sys.executable, "-P", "-m", "kennel", "capacity", "--json", "--traffic", shape]
    command += ["--requests", str(requests), "--target", "1100", "--maximum", "20"]
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    way = json.loads(run.stdout)["ways"]["target tracking"]
    return {
        "seconds": round(seconds, 2),
        "processor": round(processor, 2),
        "requests": way["requests"],
        "queued": way["queued"],
    }


def erlang_wait(workers: int, use: float, mean: float) -> float:
    """Return the mean waiting time of M/M/c, by Erlang's recursion for a loss system."""
    offered, blocked = workers * use, 1.0
    for number in range(1, workers + 1):
        blocked = offered * blocked / (number + offered * blocked)
    waits = blocked / (1 - use * (1 - blocked))
    return waits * mean / (workers * (1 - use))


def against_erlang(workers: int, use: float, requests: int) -> float:
    """Return the simulated mean waiting time over the theory's."""
    random = np.random.default_rng(7)
    mean = workers * use * DAY_SECONDS / requests
    arrivals = generate("steady", requests, random).arrivals(random)
    services = ServiceTimes(mean).draw(requests, random)
    fleet = Fleet(None)
    fleet.grow(workers, 0.0)
    waited = fleet.serve(arrivals, services) - arrivals
    return round(float(waited.mean()) / erlang_wait(workers, use, mean), 4)


def by_routing(
    arrivals: NDArray[np.float64], services: NDArray[np.float64], instances: int
) -> NDArray[np.float64]:
    """Return when requests begin if each goes to the instance with the least outstanding ones."""
    outstanding = [0] * instances
    free = [[0.0] * assumptions.WORKERS for _ in range(instances)]
    leaving: list[tuple[float, int]] = []
    begun = []
    for arrival, service in zip(arrivals.tolist(), services.tolist(), strict=True):
        while leaving and leaving[0][0] <= arrival:
            outstanding[heappop(leaving)[1]] -= 1
        chosen = min(range(instances), key=outstanding.__getitem__)
        if outstanding[chosen] >= assumptions.WORKERS * (1 + assumptions.WAITING):
            begun.append(REFUSED)
            continue
        start = max(arrival, heappop(free[chosen]))
        heappush(free[chosen], start + service)
        heappush(leaving, (start + service, chosen))
        outstanding[chosen] += 1
        begun.append(start)
    return np.array(begun)


def against_routing(instances: int, use: float, requests: int) -> dict[str, float]:
    """Return percentiles of latency by routing over those by one queue, and the refused per cents."""
    random = np.random.default_rng(9)
    seconds = round(requests * MEAN / (instances * assumptions.WORKERS * use))
    arrivals = generate("steady", requests, random, seconds=seconds).arrivals(random)
    services = ServiceTimes(MEAN, assumptions.SERVICE_CV).draw(requests, random)
    fleet = Fleet(assumptions.WAITING)
    fleet.grow(instances * assumptions.WORKERS, 0.0)
    latencies = []
    refused = []
    for begun in (by_routing(arrivals, services, instances), fleet.serve(arrivals, services)):
        answered = begun != REFUSED
        latencies.append((begun + services - arrivals)[answered])
        refused.append(100 * (1 - answered.mean()))
    routed, pooled = ([*np.percentile(each, [50, 95, 99]), each.mean()] for each in latencies)
    ratios = {
        name: round(float(one / other), 3)
        for name, one, other in zip(("p50", "p95", "p99", "mean"), routed, pooled, strict=True)
    }
    return {
        **ratios,
        "p99_ms_one_queue": round(1000 * float(pooled[2]), 1),
        "refused_routed": round(refused[0], 3),
        "refused_one_queue": round(refused[1], 3),
    }


def main() -> int:
    """Measure, and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000_000, help="of a day")
    parser.add_argument("--sample", type=int, default=2_000_000, help="requests of each comparison")
    options = parser.parse_args()
    document: dict[str, Any] = {"cores": os.cpu_count(), "day": {}}
    for shape in ("diurnal", "spike", "flash-crowd"):
        print(f"a day, {shape}", file=sys.stderr, flush=True)
        document["day"][shape] = day(shape, options.requests)
    print("queues", file=sys.stderr, flush=True)
    document["erlang"] = {
        f"{workers} workers": {str(use): against_erlang(workers, use, options.sample) for use in USES}
        for workers in WORKERS
    }
    document["routing"] = {
        f"{instances} instances": {
            str(use): against_routing(instances, use, options.sample // 4) for use in (*USES, 1.1)
        }
        for instances in INSTANCES
    }
    print(json.dumps(document, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
