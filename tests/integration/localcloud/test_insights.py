"""Logs Insights over the wire: queries are started, and their results fetched."""

from __future__ import annotations

import json
import time

import pytest

from .conftest import Client

GROUP = "/insights/orders"


def test_a_query_runs_over_its_groups_and_times(client: Client) -> None:
    logs, now = client("logs"), int(time.time())
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="one")
    events = [
        {"timestamp": (now - 7200) * 1000, "message": json.dumps({"total": 99})},
        *(
            {"timestamp": (now - 5) * 1000, "message": json.dumps({"total": n, "kind": "sale"})}
            for n in (1, 2, 4)
        ),
    ]
    logs.put_log_events(logGroupName=GROUP, logStreamName="one", logEvents=events)
    query = "filter kind = 'sale' | stats count(*) as n, sum(total) as total by @logStream"
    started = logs.start_query(logGroupName=GROUP, startTime=now - 3600, endTime=now + 60, queryString=query)
    answer = logs.get_query_results(queryId=started["queryId"])
    assert answer["status"] == "Complete"
    (row,) = answer["results"]
    assert {cell["field"]: cell["value"] for cell in row} == {"@logStream": "one", "n": "3", "total": "7"}
    assert (answer["statistics"]["recordsScanned"], answer["statistics"]["recordsMatched"]) == (3, 3)
    (listed,) = logs.describe_queries(logGroupName=GROUP)["queries"]
    assert (listed["queryId"], listed["queryString"]) == (started["queryId"], query)
    arguments = {"startTime": now - 3600, "endTime": now}
    with pytest.raises(logs.exceptions.MalformedQueryException, match="no command 'pattern'"):
        logs.start_query(logGroupName=GROUP, queryString="pattern @message", **arguments)
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="does not exist"):
        logs.start_query(logGroupName="/none", queryString="fields @message", **arguments)
    with pytest.raises(logs.exceptions.InvalidParameterException, match="no queries in SQL"):
        logs.start_query(logGroupName=GROUP, queryLanguage="SQL", queryString="SELECT 1", **arguments)


def test_queries_are_saved_listed_replaced_and_removed(client: Client) -> None:
    logs = client("logs")
    query = {"queryString": "fields @message | limit 5", "logGroupNames": ["/saved/orders"]}
    first = logs.put_query_definition(name="saved/errors", **query)["queryDefinitionId"]
    logs.put_query_definition(name="saved/slow", **query)
    changed = {"name": "saved/failures", "queryString": "fields @timestamp", "queryDefinitionId": first}
    assert logs.put_query_definition(**changed)["queryDefinitionId"] == first

    page = logs.describe_query_definitions(queryDefinitionNamePrefix="saved/", maxResults=1)
    (definition,) = page["queryDefinitions"]
    assert changed.items() <= definition.items()
    assert (definition["logGroupNames"], definition["queryLanguage"]) == ([], "CWLI")
    rest = logs.describe_query_definitions(
        queryDefinitionNamePrefix="saved/", maxResults=1, nextToken=page["nextToken"]
    )
    assert [each["name"] for each in rest["queryDefinitions"]] == ["saved/slow"]
    assert "nextToken" not in rest

    assert logs.delete_query_definition(queryDefinitionId=first)["success"] is True
    for call in (logs.delete_query_definition, logs.put_query_definition):
        more = changed if call == logs.put_query_definition else {"queryDefinitionId": first}
        with pytest.raises(logs.exceptions.ResourceNotFoundException):
            call(**more)
