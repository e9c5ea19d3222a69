"""The evaluation of metric alarms, on the cloud's clock.

An alarm is evaluated once a minute, one with a period of 10, 20 or 30 seconds every 10 seconds, and one whose
periods are longer than a day together once an hour. Its periods end at the time of the evaluation: with a
period of 5 minutes the window moves by a minute each time.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import json
import logging
from typing import Any

from kennel.capacity.scaling.alarms import next_state
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.alarm_actions import StateChange
from kennel.localcloud.runtime.metrics.statistics import is_percentile, statistic
from kennel.localcloud.runtime.metrics.store import MINUTE, dimensions_key, metric_store
from kennel.localcloud.services.cloudwatch.acting import act
from kennel.localcloud.services.cloudwatch.alarm import Alarm, alarms_of, iso
from kennel.localcloud.services.cloudwatch.metric_data import dimensions_of
from kennel.localcloud.services.cloudwatch.queries import Results, read
from kennel.localcloud.services.cloudwatch.state_changes import change_state
from kennel.localcloud.services.cloudwatch.suppression import wait_on

log = logging.getLogger(__name__)
SHORT_SECONDS, HOUR, DAY = 10, 3600, 24 * 3600
AUTO_SCALING = "arn:aws:autoscaling:"
# (begin of the period, value, samples), the oldest first; None where there is no value.
Datapoints = list[tuple[float, "float | None", float]]


def evaluate_alarms(cloud: Cloud) -> None:
    """Evaluate alarms for as long as the cloud runs, and go on with what a snapshot holds of them."""
    for alarm in list(alarms_of(cloud).by_name.values()):
        wait_on(cloud, alarm)
    seen = cloud.clock.time()

    def look() -> None:
        nonlocal seen
        since, seen = seen, cloud.clock.time()
        evaluate_due(cloud, since, seen)

    cloud.clock.every(SHORT_SECONDS, look)


def evaluate_due(cloud: Cloud, since: float, now: float) -> None:
    """Evaluate the metric alarms that became due between two looks.

    A fast clock leaves looks out while an action takes long; the periods that ended meanwhile still count.
    """
    for alarm in list(alarms_of(cloud).by_name.values()):
        if alarm.rule is not None:
            continue
        due = now // interval(alarm) * interval(alarm)
        if due > since:
            try:
                evaluate(cloud, alarm, due)
            except AwsError as error:
                log.warning("alarm %s could not be evaluated: %s", alarm.name, error.message)
            except Exception:
                log.exception("alarm %s could not be evaluated", alarm.name)  # the others still are


def interval(alarm: Alarm) -> int:
    """Return after how many seconds a metric alarm is evaluated again."""
    period = alarm.period
    if period < MINUTE:
        return SHORT_SECONDS
    return HOUR if period * alarm.threshold_rule.evaluation_periods > DAY else MINUTE


def evaluate(cloud: Cloud, alarm: Alarm, now: float) -> None:
    """Evaluate a metric alarm on the periods that end at a time.

    A state that was set by hand stays for one interval, so that whoever looks meanwhile sees it; on AWS it
    "lasts only until the next alarm comparison occurs", which is seconds or a minute. What was concluded
    while an alarm was set, put or deleted counts for nothing.
    """
    seen = alarm.version
    if seen.set_at is not None and now - seen.set_at < interval(alarm):
        return
    rule = alarm.threshold_rule
    datapoints = _datapoints(cloud, alarm, now)
    if _too_few_samples(alarm, datapoints):
        return
    values = [value for _, value, _ in datapoints]
    state, reason = next_state(rule, seen.state, values, newest=now - rule.period)
    data = _reason_data(alarm, now, datapoints) if state != seen.state else None
    unchanged = change_state(cloud, alarm, state, reason, data, seen=seen)
    if unchanged and state == seen.state and now % MINUTE == 0:
        _act_again(cloud, alarm, reason)


def _act_again(cloud: Cloud, alarm: Alarm, reason: str) -> None:
    """Invoke Auto Scaling's actions again, once a minute, for as long as an alarm stays in a state."""
    actions = [arn for arn in alarm.actions(alarm.state) if arn.startswith(AUTO_SCALING)]
    act(cloud, alarm, StateChange(alarm.state, alarm.state, reason, cloud.clock.time()), actions)


def _datapoints(cloud: Cloud, alarm: Alarm, now: float) -> Datapoints:
    """Return the datapoints of an alarm's evaluation range, with gaps."""
    rule, parameters, store = alarm.threshold_rule, alarm.parameters, metric_store(cloud)
    start = now - rule.range_periods * rule.period
    times = [start + index * rule.period for index in range(rule.range_periods)]
    if parameters.get("Metrics"):
        queries = read(parameters["Metrics"], "Metrics")
        (returned,) = [query.id for query in queries.values() if query.returned]
        (series,) = Results(store, queries, start, now).series(returned)
        return [(at, series.points.get(at), 0.0) for at in times]
    key = (
        parameters["Namespace"],
        parameters["MetricName"],
        dimensions_key(dimensions_of(parameters.get("Dimensions"))),
    )
    compute = statistic(parameters.get("Statistic") or parameters["ExtendedStatistic"])
    periods = dict(store.distributions(key, rule.period, start, now, parameters.get("Unit")))
    return [
        (at, compute(periods[at]), periods[at].count) if at in periods else (at, None, 0.0) for at in times
    ]


def _too_few_samples(alarm: Alarm, datapoints: Datapoints) -> bool:
    """Return whether a percentile has too few samples for an alarm that then keeps its state.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
    """
    name = alarm.parameters.get("ExtendedStatistic") or ""
    if alarm.parameters.get("EvaluateLowSampleCountPercentile") != "ignore" or not is_percentile(name):
        return False
    share = float(name[1:]) / 100
    tail = 1 - share if share >= 0.5 else share
    return datapoints[-1][1] is not None and datapoints[-1][2] * tail < 10 - 1e-9


def _reason_data(alarm: Alarm, now: float, datapoints: Datapoints) -> str:
    """Return the JSON that goes with a reason."""
    parameters = alarm.parameters
    recent = datapoints[-int(parameters["EvaluationPeriods"]) :]
    document: dict[str, Any] = {"version": "1.0", "queryDate": iso(now)}
    known = [(at, value, samples) for at, value, samples in recent if value is not None]
    if known:
        document["startDate"] = iso(known[0][0])
    name = parameters.get("Statistic") or parameters.get("ExtendedStatistic")
    if name:
        document["statistic"] = name
    document |= {
        "period": alarm.period,
        "recentDatapoints": [value for _, value, _ in known],
        "threshold": float(parameters["Threshold"]),
        "evaluatedDatapoints": [
            {"timestamp": iso(at)}
            | ({"sampleCount": samples} if samples else {})
            | ({} if value is None else {"value": value})
            for at, value, samples in reversed(recent)
        ],
    }
    return json.dumps(document, separators=(",", ":"))


def newest_value(cloud: Cloud, name: str) -> float | None:
    """Return the newest datapoint that a metric alarm's last evaluation saw; None if it saw none."""
    alarm = alarms_of(cloud).by_name[name]
    now = cloud.clock.time() // interval(alarm) * interval(alarm)
    values = [value for _, value, _ in _datapoints(cloud, alarm, now) if value is not None]
    return values[-1] if values else None
