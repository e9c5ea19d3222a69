"""What serves at the moment, by AWS's own APIs: instances, load, latencies, alarms, scaling activities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from kennel.aws import session

MINUTE = 60
ACTIVITIES = 6  # the newest, of all that is scaled
ENDPOINTS, FUNCTIONS = "AWS/SageMaker", "AWS/Lambda"
MOST_QUERIES = 500  # of one GetMetricData


@dataclass(frozen=True)
class Figure:
    """A metric and the statistic of it that is shown.

    Attributes
    ----------
    seconds
        Its period.
    scale
        What its values are multiplied with.
    """

    name: str
    metric: str
    statistic: str
    seconds: int = MINUTE
    scale: float = 1.0


OF_ENDPOINT = (
    Figure("requests", "Invocations", "Sum"),
    Figure("errors", "Invocation5XXErrors", "Sum"),
    Figure("in_flight", "ConcurrentRequestsPerModel", "Sum", 10),
    Figure("p50_ms", "ModelLatency", "p50", scale=1e-3),
    Figure("p95_ms", "ModelLatency", "p95", scale=1e-3),
)
OF_FUNCTION = (
    Figure("requests", "Invocations", "Sum"),
    Figure("errors", "Errors", "Sum"),
    Figure("in_flight", "ConcurrentExecutions", "Maximum"),
    Figure("throttles", "Throttles", "Sum"),
    Figure("p50_ms", "Duration", "p50"),
    Figure("p95_ms", "Duration", "p95"),
)


@dataclass(frozen=True)
class Serving:
    """An endpoint's variant or a function.

    Attributes
    ----------
    status
        The endpoint's, and the stage of a deployment under way; a function's state.
    instances, desired
        How many serve and how many are to; None of what has no instances.
    figures
        By name, of the newest full minute or ten seconds; None where nothing was published.
    """

    kind: str
    name: str
    status: str
    instances: int | None
    desired: int | None
    figures: dict[str, float | None]


@dataclass(frozen=True)
class State:
    """All of it at one time."""

    at: datetime
    serving: list[Serving] = field(default_factory=list)
    alarms: list[dict[str, Any]] = field(default_factory=list)
    activities: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return asdict(self) | {"at": self.at.isoformat(timespec="seconds")}


def read(now: datetime) -> State:
    """Read what serves.

    Parameters
    ----------
    now
        The time by the clock that the metrics have.
    """
    rows = [*_endpoints(), *_functions()]
    queried = [(figure, dimensions) for *_, dimensions, figures in rows for figure in figures]
    values = iter(_values(queried, now))
    serving = [
        Serving(kind, name, status, instances, desired, {each.name: next(values) for each in figures})
        for kind, name, status, instances, desired, _, figures in rows
    ]
    return State(now, serving, _alarms(), _activities())


Row = tuple[str, str, str, "int | None", "int | None", dict[str, str], tuple[Figure, ...]]


def _endpoints() -> Iterator[Row]:
    sagemaker = session.client("sagemaker")
    for page in sagemaker.get_paginator("list_endpoints").paginate(SortBy="Name", SortOrder="Ascending"):
        for listed in page["Endpoints"]:
            name = listed["EndpointName"]
            described = sagemaker.describe_endpoint(EndpointName=name)
            stage = _stage(described)
            status = f"{described['EndpointStatus']}, {stage}" if stage else described["EndpointStatus"]
            for variant in described.get("ProductionVariants", []):
                counts = variant.get("CurrentInstanceCount"), variant.get("DesiredInstanceCount")
                dimensions = {"EndpointName": name, "VariantName": variant["VariantName"]}
                yield "endpoint", name, status, *counts, dimensions, OF_ENDPOINT


def _stage(described: dict[str, Any]) -> str:
    """Return the stage of an endpoint's deployment under way; empty without one."""
    pending = described.get("PendingDeploymentSummary") or {}
    for variant in pending.get("ProductionVariants", []):
        for status in variant.get("VariantStatus", []):
            return str(status["Status"])
    return ""


def _functions() -> Iterator[Row]:
    for page in session.client("lambda").get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            name = function["FunctionName"]
            yield (
                "function",
                name,
                function.get("State") or "",
                None,
                None,
                {"FunctionName": name},
                OF_FUNCTION,
            )


def _values(queried: list[tuple[Figure, dict[str, str]]], now: datetime) -> Iterator[float | None]:
    """Yield the newest value of each figure whose period is over, or else of the present one."""
    begin = now.replace(second=0, microsecond=0) - timedelta(seconds=MINUTE)
    for first in range(0, len(queried), MOST_QUERIES):
        part = queried[first : first + MOST_QUERIES]
        queries = [_query(number, figure, dimensions) for number, (figure, dimensions) in enumerate(part)]
        values: dict[str, list[tuple[datetime, float]]] = {query["Id"]: [] for query in queries}
        pages = (
            session.client("cloudwatch")
            .get_paginator("get_metric_data")
            .paginate(MetricDataQueries=queries, StartTime=begin, EndTime=now)
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                values[result["Id"]] += zip(result["Timestamps"], result["Values"], strict=True)
        for query, (figure, _) in zip(queries, part, strict=True):
            yield _newest(sorted(values[query["Id"]]), figure, now)


def _newest(points: list[tuple[datetime, float]], figure: Figure, now: datetime) -> float | None:
    over = [value for at, value in points if at <= now - timedelta(seconds=figure.seconds)]
    values = over or [value for _, value in points]
    return round(values[-1] * figure.scale, 3) if values else None


def _query(number: int, figure: Figure, dimensions: dict[str, str]) -> dict[str, Any]:
    namespace = ENDPOINTS if "EndpointName" in dimensions else FUNCTIONS
    metric = {
        "Namespace": namespace,
        "MetricName": figure.metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }
    statistic = {"Metric": metric, "Period": figure.seconds, "Stat": figure.statistic}
    return {"Id": f"q{number}", "MetricStat": statistic}


def _alarms() -> list[dict[str, Any]]:
    """Return the alarms, those in ALARM first."""
    pages = (
        session.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    )
    alarms = [
        {"name": alarm["AlarmName"], "state": alarm["StateValue"], "since": alarm["StateUpdatedTimestamp"]}
        for page in pages
        for alarm in [*page["MetricAlarms"], *page["CompositeAlarms"]]
    ]
    order = ("ALARM", "INSUFFICIENT_DATA", "OK")
    return sorted(alarms, key=lambda alarm: (order.index(alarm["state"]), alarm["name"]))


def _activities() -> list[dict[str, Any]]:
    """Return the newest scaling activities, the newest first."""
    scaling = session.client("application-autoscaling")
    activities = [
        {
            "at": activity["StartTime"],
            "resource": activity["ResourceId"],
            "description": activity["Description"],
            "status": activity["StatusCode"],
            "cause": activity["Cause"],
        }
        for namespace in ("sagemaker", "lambda")
        for activity in scaling.describe_scaling_activities(ServiceNamespace=namespace)["ScalingActivities"]
    ]
    return sorted(activities, key=lambda activity: activity["at"], reverse=True)[:ACTIVITIES]
