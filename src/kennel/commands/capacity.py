"""The task `capacity`: what a scaling policy gives over a trace of traffic, and which one is the cheapest."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from kennel.capacity import assumptions
from kennel.commands.known_names import TextFile
from kennel.commands.task import ROOT, kennel_task
from kennel.commands.values import Choice, FilePath, Number
from kennel.errors import UsageError

if TYPE_CHECKING:
    from kennel.capacity.plan import Plan
    from kennel.capacity.scaling.target_tracking import TargetTracking
    from kennel.capacity.service_times import Measured
    from kennel.capacity.traces import Trace

PAGE = ROOT / "build" / "capacity" / "capacity.html"
SHAPES = ("steady", "diurnal", "spike", "flash-crowd")  # kennel.capacity.traces, which imports numpy


@kennel_task(
    trace="a CSV file with the columns timestamp,requests",
    endpoint="take the requests of this live endpoint from CloudWatch; needs credentials",
    hours="of a generated trace, or of CloudWatch's",
    traffic="generate a trace of this shape",
    requests="of the generated trace",
    peak="how many times the base traffic a generated spike or flash crowd is",
    seed="of generated traffic and service times",
    from_load="the document of bench.serving --json: service times, workers, and AWS's rule for the target",
    runtime="which release of that document, such as openvino-int8 (default: the first)",
    service_ms="mean time for which a request occupies a worker",
    service_cv="its standard deviation over its mean",
    workers="requests that an instance works on at once",
    waiting="requests that may wait for each worker before others are refused",
    start_up="seconds until an added instance serves",
    target="requests per instance and minute, or concurrent ones (default: the stack's)",
    minimum="of the instances (default: the stack's)",
    maximum="of the instances (default: the stack's)",
    out_cooldown="seconds after a scale-out (default: the stack's)",
    in_cooldown="seconds after a scale-in (default: the stack's)",
    concurrency="track the concurrent requests every 10 seconds instead of invocations",
    search="find the cheapest policy that meets the objective; needs --p99",
    p99="objective: milliseconds that 99 % of the answered requests take at most",
    failed_percent="objective: requests that may be refused, or take over 60 seconds",
    compare="also serve with a fixed fleet, a serverless endpoint, and Lambda alone",
    instance_type="of the endpoint (default: the stack's)",
    region="of the prices",
    payload_kb="kilobytes of a request, which an endpoint's data is billed by",
    serverless_gb="memory of the serverless endpoint",
    function_mb="memory of the function that holds the model itself; 1769 MB have one vCPU",
    cold_start="seconds until a new environment of a serverless endpoint or function serves",
    page="where the plots are written",
)
def capacity(
    trace: Annotated[str | None, TextFile("of traffic")] = None,
    endpoint: str | None = None,
    hours: Annotated[float, Number(0.1, 360, whole=False)] = 24.0,
    traffic: Annotated[str, Choice(*SHAPES)] = "diurnal",
    requests: Annotated[int, Number(1, 200_000_000)] = 1_000_000,
    peak: Annotated[float, Number(1, 1000, whole=False)] = 5.0,
    seed: Annotated[int, Number(0)] = 0,
    from_load: Annotated[str | None, TextFile("of bench.serving --json")] = None,
    runtime: str | None = None,
    service_ms: Annotated[float, Number(0.01, 60_000, whole=False)] = assumptions.SERVICE_MS,
    service_cv: Annotated[float, Number(0, 10, whole=False)] = assumptions.SERVICE_CV,
    workers: Annotated[int, Number(1, 256)] = assumptions.WORKERS,
    waiting: Annotated[int, Number(0, 100_000)] = assumptions.WAITING,
    start_up: Annotated[float, Number(0, 3600, whole=False)] = assumptions.START_UP,
    target: Annotated[float | None, Number(1e-3, whole=False)] = None,
    minimum: Annotated[int | None, Number(1, 1000)] = None,
    maximum: Annotated[int | None, Number(1, 1000)] = None,
    out_cooldown: Annotated[float | None, Number(0, 86_400, whole=False)] = None,
    in_cooldown: Annotated[float | None, Number(0, 86_400, whole=False)] = None,
    concurrency: bool = False,
    search: bool = False,
    p99: Annotated[float | None, Number(1, 60_000, whole=False)] = None,
    failed_percent: Annotated[float, Number(0, 100, whole=False)] = assumptions.FAILED_PERCENT,
    compare: bool = False,
    instance_type: str | None = None,
    region: str = assumptions.REGION,
    payload_kb: Annotated[float, Number(0, 25_000, whole=False)] = assumptions.PAYLOAD_KB,
    serverless_gb: Annotated[int, Number(1, 6)] = assumptions.SERVERLESS_GB,
    function_mb: Annotated[int, Number(128, 10_240)] = assumptions.FUNCTION_MB,
    cold_start: Annotated[float, Number(0, 60, whole=False)] = assumptions.COLD_START,
    page: Annotated[str, FilePath()] = str(PAGE.relative_to(ROOT)),
) -> dict[str, Any]:
    """Simulate scaling over a trace of traffic: latency, refused requests, instance-hours, dollars."""
    from kennel import terminal
    from kennel.capacity import service_times
    from kennel.capacity.billing import Rates
    from kennel.capacity.document import Alternatives, Ways
    from kennel.capacity.plan import Plan
    from kennel.capacity.search import Objective
    from kennel.capacity.timeline import Instance
    from kennel.report import capacity_page

    _check(trace, endpoint, concurrency, search, p99)
    stack = _stack()
    policy = _policy(stack, target, minimum, maximum, out_cooldown, in_cooldown, concurrency)
    rates = Rates(region, instance_type or stack["instance_type"], int(stack["memory_mb"]), payload_kb)
    rates.check()
    load = service_times.read(Path(from_load), runtime) if from_load else None
    times = load.times if load else service_times.ServiceTimes(service_ms / 1000, service_cv)
    instance = Instance(load.workers if load else workers, waiting, start_up)
    traced = _trace(trace, endpoint, hours, traffic, requests, peak, seed)
    with terminal.progress("capacity") as progress:
        progress(f"{traced.total} requests")
        plan = Plan(traced, times, instance, rates, seed)
        ways = Ways(plan, policy, progress)
        ways.simulate()
        objective = Objective(p99, failed_percent) if p99 else None
        if load:
            ways.rule(load.highest_rate)
        if search and objective:
            ways.search(objective)
        if compare:
            ways.compare(Alternatives(serverless_gb, function_mb, cold_start))
        document = {**ways.document(objective), **_rule(load, plan)}
        progress("the plots")
        document["page"] = str(capacity_page.write(ROOT / page, document))
    _show(document)
    return document


def _check(
    trace: str | None,
    endpoint: str | None,
    concurrency: bool,
    search: bool,
    p99: float | None,
) -> None:
    """Refuse options that exclude each other."""
    if trace and endpoint:
        raise UsageError("--trace and --endpoint are two sources of traffic: give one of them")
    if search and p99 is None:
        raise UsageError("--search needs an objective: give --p99 in milliseconds")
    if search and concurrency:
        raise UsageError("--search is for the metric of invocations: leave out --concurrency")


def _trace(
    path: str | None,
    endpoint: str | None,
    hours: float,
    shape: str,
    requests: int,
    peak: float,
    seed: int,
) -> Trace:
    import numpy as np

    from kennel.capacity import traces

    if path:
        return traces.read_csv(Path(path))
    if endpoint:
        from kennel.aws import endpoint_traffic

        points = endpoint_traffic.requests_by_minute(endpoint, hours, _now())
        return traces.from_points(points, endpoint, traces.MINUTE_SECONDS)
    random = np.random.default_rng(seed)
    return traces.generate(shape, requests, random, seconds=round(hours * 3600), peak=peak)


def _now() -> datetime:
    """Return the time by the clock of whom the tasks talk to: a local cloud's, or the wall's."""
    from kennel.localcloud.connection import time_at

    return time_at(os.environ.get("AWS_ENDPOINT_URL", "")) or datetime.now(UTC)


def _stack() -> dict[str, str]:
    """Return the defaults of the stack's variables."""
    from kennel.aws.infrastructure import variable_defaults

    names = ("autoscaling", "endpoint", "function")
    defaults = [variable_defaults.of_object(ROOT / "terraform", name) for name in names]
    return {name: value for each in defaults for name, value in each.items()}


def _policy(
    stack: dict[str, str],
    target: float | None,
    minimum: int | None,
    maximum: int | None,
    out_cooldown: float | None,
    in_cooldown: float | None,
    concurrency: bool,
) -> TargetTracking:
    from kennel.capacity.scaling.target_tracking import TargetTracking

    def chosen(given: float | None, name: str) -> float:
        return float(stack[name]) if given is None else given

    least, most = int(chosen(minimum, "min_instances")), int(chosen(maximum, "max_instances"))
    if least > most:
        raise UsageError(f"the minimum, {least}, is above the maximum, {most}: give --minimum and --maximum")
    return TargetTracking(
        chosen(target, "concurrent_requests_per_instance" if concurrency else "invocations_per_instance"),
        least,
        most,
        chosen(out_cooldown, "scale_out_cooldown_seconds"),
        chosen(in_cooldown, "scale_in_cooldown_seconds"),
        high_resolution=concurrency,
    )


def _rule(load: Measured | None, plan: Plan) -> dict[str, Any]:
    """Return AWS's own rule for a target, of the measured rate or of the given service time."""
    from kennel.capacity.plan import SAFETY_FACTOR, rule_of_thumb

    rate = load.highest_rate if load else plan.highest_rate
    rule = {
        "highest_rate": round(rate, 3),
        "safety_factor": SAFETY_FACTOR,
        "invocations_per_instance": rule_of_thumb(rate),
    }
    return {"aws_rule": {**rule, "measured": load.target} if load else rule}


def _show(document: dict[str, Any]) -> None:
    from kennel import terminal

    trace, instance, rule = document["trace"], document["instance"], document["aws_rule"]
    terminal.print_line(
        f"{trace['requests']} requests in {trace['seconds'] / 3600:g} hours, {trace['busiest_minute']} in "
        f"the busiest minute; an instance answers {instance['highest_rate']:.1f} a second"
    )
    terminal.print_line(
        f"AWS's rule: {rule['highest_rate']:.1f} requests/s x {rule['safety_factor']} x 60 = "
        f"{rule['invocations_per_instance']:g} invocations per instance"
    )
    rows = [
        (
            name,
            *(round(way["latency_ms"][key]) for key in ("p50", "p95", "p99")),
            way["queued"],
            way["refused"],
            _instances(way),
            f"{way['instance_hours']:.1f}",
            f"{way['total_dollars']:.2f}",
            f"{way['dollars_a_month']:.2f}",
            *([{True: "yes", False: "no"}[way["meets_objective"]]] if "objective" in document else []),
        )
        for name, way in document["ways"].items()
    ]
    columns = ["served by", "p50 ms", "p95 ms", "p99 ms", "queued", "refused", "instances", "hours"]
    columns += ["dollars", "a month", *(["objective"] if "objective" in document else [])]
    terminal.print_table("Capacity", columns, rows)
    terminal.print_line(f"Terraform, for {document['shown']}:")
    terminal.print_line(document["terraform"])
    terminal.print_line(document["page"])


def _instances(way: dict[str, Any]) -> str:
    counts = way.get("instances")
    if not counts:
        return "-"
    return f"{counts['least']}-{counts['most']}" if counts["least"] < counts["most"] else str(counts["most"])
