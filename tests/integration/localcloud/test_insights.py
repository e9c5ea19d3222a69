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
