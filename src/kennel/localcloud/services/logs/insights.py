"""Logs Insights: queries over the events of log groups, run when they are started.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AnalyzingLogData.html
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import KeptStore
from kennel.localcloud.dispatch.coverage import refusal
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.logs.insights_expressions import QueryError, Row
from kennel.localcloud.services.logs.insights_syntax import Command, parse
from kennel.localcloud.services.logs.insights_values import Moment, aggregate, shown, sort_key

MOST_ROWS = 10_000
MOST_QUERIES = 100  # whose results are kept
DEFAULT_COLUMNS = ("@timestamp", "@message")
# What Lambda writes at the end of an invocation, as fields.
REPORT = re.compile(r"REPORT RequestId: (?P<id>[\w-]+)\t")
FIGURES = {
    "@duration": r"\tDuration: ([\d.]+) ms",
    "@billedDuration": r"\tBilled Duration: ([\d.]+) ms",
    "@initDuration": r"\tInit Duration: ([\d.]+) ms",
    "@memorySize": r"\tMemory Size: (\d+) MB",
    "@maxMemoryUsed": r"\tMax Memory Used: (\d+) MB",
}
MEGABYTE = 1_000_000
LANGUAGES = refusal(
    "logs",
    "queries in OpenSearch's PPL and SQL",
    "write them in the language of Logs Insights",
    "InvalidParameterException",
)
UNKNOWN = refusal(
    "logs",
    "commands of queries other than fields, display, filter, stats, sort, limit, dedup and parse, and "
    "functions of IP addresses and URLs",
    "evaluate the events in a program",
    "MalformedQueryException",
)


@dataclass
class Query:
    """A query that was run, and its results."""

    query_id: str
    text: str
    groups: list[str]
    created: int  # milliseconds since the epoch
    rows: list[list[dict[str, str]]]
    statistics: dict[str, float]


@dataclass
class Queries(KeptStore):
    """The queries of a region, by their ids; the newest are kept."""

    by_id: dict[str, Query] = field(default_factory=dict)


@operation("logs", "StartQuery")
def start_query(call: Call) -> dict[str, Any]:
    """Run a query over log groups."""
    parameters = call.parameters
    if parameters.get("queryLanguage") not in (None, "CWLI"):
        raise LANGUAGES.error(f"queries in {parameters['queryLanguage']}")
    names = [*parameters.get("logGroupNames", ()), *parameters.get("logGroupIdentifiers", ())]
    if parameters.get("logGroupName"):
        names.append(parameters["logGroupName"])
    groups = [name.split(":log-group:")[-1].removesuffix(":*") for name in names]
    backend = call.backend()
    if not groups:
        raise AwsError("InvalidParameterException", "A query needs a log group.")
    for group in groups:
        if group not in backend.groups:
            raise AwsError(
                "ResourceNotFoundException",
                f"Log group '{group}' does not exist for account ID '{call.account}'",
            )
    start, end = (_milliseconds(parameters[name]) for name in ("startTime", "endTime"))
    try:
        commands = parse(parameters["queryString"])
        if parameters.get("limit"):
            commands.append(Command("limit", limit=parameters["limit"]))
        scanned = [row for group in groups for row in _rows(backend.groups[group], call.account, start, end)]
        size = sum(len(row["@message"].encode()) for row in scanned)
        matched, results = run(commands, scanned)
    except QueryError as error:
        raise AwsError("MalformedQueryException", f"{error}") from error
    figures = {"recordsScanned": len(scanned), "recordsMatched": matched, "bytesScanned": size}
    now = int(call.cloud.clock.time() * 1000)
    query = Query(
        str(uuid.uuid4()),
        parameters["queryString"],
        groups,
        now,
        results,
        {name: float(value) for name, value in figures.items()},
    )
    queries = call.cloud.store(Queries).by_id
    queries[query.query_id] = query
    while len(queries) > MOST_QUERIES:
        queries.pop(next(iter(queries)))
    return {"queryId": query.query_id}


def _milliseconds(time: int) -> int:
    return time * 1000 if time < 10**11 else time  # both units are taken


@operation("logs", "GetQueryResults")
def get_query_results(call: Call) -> dict[str, Any]:
    """Return the results of a query."""
    query = call.cloud.store(Queries).by_id.get(call.parameters["queryId"])
    if query is None:
        raise AwsError("ResourceNotFoundException", "The specified query does not exist.")
    return {
        "results": query.rows,
        "statistics": query.statistics,
        "status": "Complete",
        "queryLanguage": "CWLI",
    }


@operation("logs", "StopQuery")
def stop_query(call: Call) -> dict[str, Any]:
    """Refuse to stop a query: it has ended when StartQuery returns."""
    if call.parameters["queryId"] not in call.cloud.store(Queries).by_id:
        raise AwsError("ResourceNotFoundException", "The specified query does not exist.")
    raise AwsError(
        "InvalidParameterException",
        "Query is not in a state that can be stopped: its status is Complete.",
    )


@operation("logs", "DescribeQueries")
def describe_queries(call: Call) -> dict[str, Any]:
    """List the queries of a region, the newest first."""
    group, status = call.parameters.get("logGroupName"), call.parameters.get("status")
    queries = [
        {
            "queryId": query.query_id,
            "queryString": query.text,
            "status": "Complete",
            "createTime": query.created,
            "logGroupName": query.groups[0],
        }
        for query in reversed(list(call.cloud.store(Queries).by_id.values()))
        if (group is None or group in query.groups) and status in (None, "Complete")
    ]
    return {"queries": queries[: call.parameters.get("maxResults") or MOST_ROWS]}


def _rows(group: Any, account: str, start: int, end: int) -> Iterator[Row]:
    for stream in list(group.streams.values()):
        for event in list(stream.events):
            if start <= event.timestamp <= end:
                system = {
                    "@timestamp": Moment(event.timestamp),
                    "@ingestionTime": Moment(event.ingestion_time),
                    "@message": event.message,
                    "@logStream": stream.log_stream_name,
                    "@log": f"{account}:{group.name}",
                    "@ptr": base64.b64encode(f"{stream.log_stream_name}:{event.event_id}".encode()).decode(),
                }
                yield fields_of(event.message) | system


def fields_of(message: str) -> Row:
    """Return the fields that CloudWatch discovers in a message: those of JSON, and of Lambda's reports."""
    row: Row = {}
    if message.lstrip().startswith("{"):
        try:
            _flatten("", json.loads(message), row)
        except ValueError:
            return {}
    report = REPORT.match(message)
    if report:
        row |= {"@type": "REPORT", "@requestId": report["id"]}
        for name, pattern in FIGURES.items():
            figure = re.search(pattern, message)
            if figure:
                row[name] = float(figure[1]) * (MEGABYTE if "emory" in name else 1)
    return row


def _flatten(prefix: str, value: Any, row: Row) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _flatten(f"{prefix}.{name}" if prefix else str(name), inner, row)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _flatten(f"{prefix}.{index}", inner, row)
    elif value is not None:
        row[prefix] = value


def run(commands: list[Command], rows: list[Row]) -> tuple[int, list[list[dict[str, str]]]]:
    """Run a query over rows.

    Returns
    -------
    How many rows its filters let through, and the results as GetQueryResults shows them.

    Raises
    ------
    QueryError
        A function does not take the arguments that it is given.
    """
    rows = sorted(rows, key=lambda row: row["@timestamp"])
    columns: list[str] = []
    matched, limit, ordered, counted = len(rows), MOST_ROWS, False, False
    for command in commands:
        if command.name in ("fields", "display"):
            rows = [row | {each.name: each.value(row) for each in command.columns} for row in rows]
            names = [each.name for each in command.columns]
            columns = names if command.name == "display" else list(dict.fromkeys(columns + names))
        elif command.name == "filter":
            rows = [row for row in rows if command.columns[0].value(row)]
            matched = matched if counted else len(rows)
        elif command.name == "stats":
            rows, counted, ordered = _grouped(command, rows), True, True
            columns = [each.name for each in [*command.by, *command.columns]]
        elif command.name == "sort":
            rows, ordered = _sorted(command, rows), True
        elif command.name == "dedup":
            rows = _distinct(command, rows if ordered else rows[::-1])
            ordered = True
        elif command.name == "parse":
            rows = [row | _parsed(command, row) for row in rows]
        else:
            limit = min(limit, command.limit)
    rows = (rows if ordered else rows[::-1])[:limit]
    shown_columns = [*(columns or DEFAULT_COLUMNS), *([] if counted else ["@ptr"])]
    return matched, [
        [{"field": name, "value": shown(row[name])} for name in shown_columns if row.get(name) is not None]
        for row in rows
    ]


def _grouped(command: Command, rows: list[Row]) -> list[Row]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    keys: dict[tuple[str, ...], Row] = {}
    for row in rows:
        values = {each.name: each.value(row) for each in command.by}
        key = tuple("" if value is None else shown(value) for value in values.values())
        groups.setdefault(key, []).append(row)
        keys.setdefault(key, values)
    if not command.by:
        groups = {(): rows}
    return [
        keys.get(key, {})
        | {
            each.name: aggregate(each.aggregate, [each.value(row) for row in members], each.percent)
            for each in command.columns
        }
        for key, members in groups.items()
    ]


def _sorted(command: Command, rows: list[Row]) -> list[Row]:
    for column, descending in reversed(list(zip(command.columns, command.descending, strict=True))):
        value = column.value
        rows = sorted(rows, key=lambda row, value=value: sort_key(value(row)), reverse=descending)  # type: ignore[misc] # bound now
    return rows


def _distinct(command: Command, rows: list[Row]) -> list[Row]:
    first: dict[tuple[str, ...], Row] = {}
    for row in rows:
        values = [each.value(row) for each in command.columns]
        if None not in values:
            first.setdefault(tuple(map(shown, values)), row)
    return list(first.values())


def _parsed(command: Command, row: Row) -> Row:
    source = command.columns[0].value(row)
    assert command.pattern is not None
    match = None if source is None else command.pattern.search(shown(source))
    if match is None:
        return {}
    if command.pattern.groupindex:
        return {name: value for name, value in match.groupdict().items() if value is not None}
    return {each.name: value for each, value in zip(command.columns[1:], match.groups(), strict=True)}
