"""CloudWatch Logs' operations: log events become metrics, and filters are checked when they are made."""

from __future__ import annotations

import json
import time
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.runtime.metrics.store import metric_store
from kennel.localcloud.services.logs.comparison import PatternError
from kennel.localcloud.services.logs.embedded import embedded
from kennel.localcloud.services.logs.filter_pattern import FilterPattern, parse
from kennel.localcloud.services.logs.metric_filters import check_transformation, publish_matches

WORKLOAD_SECONDS = 300.0  # a workload's line is not older when it arrives
LONGEST_PAST, LONGEST_FUTURE = 14 * 24 * 3600.0, 2 * 3600.0  # older or newer data CloudWatch takes no more


@operation("logs", "PutLogEvents")
def put_log_events(call: Call) -> Response:
    """Keep lines through moto, and make metrics of them; that needs no permission."""
    response = call.ask_moto()
    if not response.ok:
        return response
    parameters, cloud = call.parameters, call.cloud
    events = [(event["timestamp"] / 1000, event["message"]) for event in parameters["logEvents"]]
    for _, message in events:
        if '"_aws"' in message:
            for namespace, data in embedded(message):
                made = [datum._replace(at=_cloud_time(cloud, datum.at)) for datum in data]
                metric_store(cloud).put(namespace, [datum for datum in made if _is_recent(cloud, datum.at)])
    filters = call.backend().describe_metric_filters(log_group_name=parameters["logGroupName"])
    if filters:
        publish_matches(cloud, filters, [event for event in events if _is_recent(cloud, event[0])])
    return response


def _cloud_time(cloud: Cloud, timestamp: float) -> float:
    """Return the time that a workload wrote into a line, by the cloud's clock.

    A workload's own clock is the wall's: what it wrote a moment ago by that is of a moment ago here, too.
    """
    age = time.time() - timestamp
    return cloud.clock.time() - max(0.0, age) if abs(age) < WORKLOAD_SECONDS else timestamp


def _is_recent(cloud: Cloud, at: float) -> bool:
    now = cloud.clock.time()
    return now - LONGEST_PAST <= at <= now + LONGEST_FUTURE


@operation("logs", "PutMetricFilter")
def put_metric_filter(call: Call) -> Response:
    """Make a filter, or replace the one of its name; moto keeps both, and does not look at the pattern."""
    parameters = call.parameters
    try:
        parse(parameters["filterPattern"])
        for transformation in parameters["metricTransformations"]:
            check_transformation(transformation)
    except PatternError as error:
        raise AwsError("InvalidParameterException", f"Invalid metric filter: {error}") from error
    backend, group = call.backend(), parameters["logGroupName"]
    if group not in backend.groups:
        raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
    backend.delete_metric_filter(parameters["filterName"], group)
    return call.ask_moto()


@operation("logs", "FilterLogEvents")
def filter_log_events(call: Call) -> Response:
    """Return the log events that match a pattern; moto knows single words and phrases only."""
    text = call.parameters.get("filterPattern")
    if not text:
        return call.ask_moto()
    pattern, members = _pattern(text), json.loads(call.body)
    del members["filterPattern"]
    document = call.ask_moto_json(json.dumps(members).encode())
    # A page may have fewer events than its limit, as on AWS.
    document["events"] = [
        event for event in document["events"] if pattern.match(event["message"]) is not None
    ]
    return call.json(document)


def _pattern(text: str) -> FilterPattern:
    try:
        return parse(text)
    except PatternError as error:
        raise AwsError("InvalidParameterException", f"Invalid filter pattern: {error}") from error


@operation("logs", "TestMetricFilter")
def try_metric_filter(call: Call) -> dict[str, Any]:
    """Show which messages a pattern matches."""
    pattern, matches = _pattern(call.parameters["filterPattern"]), []
    for number, message in enumerate(call.parameters["logEventMessages"], 1):
        matched = pattern.match(message)
        if matched is not None:
            values = {f"${name}": str(value) for name, value in matched.items() if name != "$"}
            matches.append({"eventNumber": number, "eventMessage": message, "extractedValues": values})
    return {"matches": matches}
