"""CloudWatch's operations in the query and the JSON protocol, on a machine that is not in UTC."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import EnvironBuilder

from kennel.localcloud.authorization.identify import OPERATOR
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import handler_of
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.protocol import codec
from kennel.localcloud.protocol.messages import Response

from .driven_cloud import HOUR, MINUTE, Driven, driven

__all__ = ["driven"]  # a fixture
QUERY, JSON = "query", "json"


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


def sent(driven: Driven, protocol: str, operation: str, parameters: dict[str, Any]) -> Response:
    """Send a request as an SDK writes it: flat for the query protocol."""
    headers: dict[str, str] = {}
    if protocol == QUERY:
        body = urlencode({"Action": operation, "Version": "2010-08-01", **parameters}).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
    else:
        body = json.dumps(parameters).encode()
        headers["Content-Type"] = "application/x-amz-json-1.0"
        headers["X-Amz-Target"] = f"GraniteServiceVersion20100801.{operation}"
    environ = EnvironBuilder(path="/", method="POST", data=body, headers=headers).get_environ()
    decoded = codec.decode("cloudwatch", environ)
    request = ApiRequest("cloudwatch", operation, OPERATOR, decoded.parameters)
    handler = handler_of("cloudwatch", operation)
    assert handler is not None
    result = handler(Call(request, driven.cloud, moto=None, environ={}))  # type: ignore[arg-type] # not asked
    assert isinstance(result, dict)
    return codec.encode(decoded, result)


def test_times_and_numbers_arrive_and_return(driven: Driven) -> None:
    begin = driven.begin
    for name, value in (("load", 9.0), ("load", 1.0)):
        driven.put(value, name, Timestamp=datetime.fromtimestamp(begin - 60, UTC))
    driven.clock.advance(MINUTE)

    def iso(at: float) -> str:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    flat = {"Namespace": "Test", "MetricName": "load", "Period": 60, "Statistics.member.1": "Sum"}
    flat |= {"StartTime": iso(begin - HOUR), "EndTime": iso(begin)}
    text = sent(driven, QUERY, "GetMetricStatistics", flat).body.decode()
    assert f"<Timestamp>{iso(begin - 60)}</Timestamp>" in text.replace(".000Z", "Z")
    assert "<Sum>10.0</Sum>" in text
    document = {"Namespace": "Test", "MetricName": "load", "Period": 60, "Statistics": ["Sum"]}
    document |= {"StartTime": begin - HOUR, "EndTime": begin}
    [point] = json.loads(sent(driven, JSON, "GetMetricStatistics", document).body)["Datapoints"]
    assert (point["Timestamp"], point["Sum"]) == (begin - 60, 10)


@pytest.mark.parametrize("protocol", [QUERY, JSON])
def test_an_alarm_is_put_and_described(driven: Driven, protocol: str) -> None:
    settings: dict[str, Any] = {
        "AlarmName": "a",
        "Namespace": "Test",
        "MetricName": "load",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 2,
        "DatapointsToAlarm": 1,
        "Threshold": 2.5,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    listed = {"Dimensions": [{"Name": "n", "Value": "v"}], "AlarmActions": ["test:x"]}
    flat = {
        "Dimensions.member.1.Name": "n",
        "Dimensions.member.1.Value": "v",
        "AlarmActions.member.1": "test:x",
    }
    sent(driven, protocol, "PutMetricAlarm", {**settings, **(flat if protocol == QUERY else listed)})
    driven.put(3, Dimensions=[{"Name": "n", "Value": "v"}])
    driven.clock.advance(MINUTE)
    names = {"AlarmNames.member.1": "a"} if protocol == QUERY else {"AlarmNames": ["a"]}
    body = sent(driven, protocol, "DescribeAlarms", names).body
    if protocol == QUERY:
        text = body.decode()
        for piece in ("<StateValue>ALARM</StateValue>", "<Threshold>2.5</Threshold>", "<Period>60</Period>"):
            assert piece in text
        return
    [alarm] = json.loads(body)["MetricAlarms"]
    assert alarm.items() >= {**settings, **listed, "StateValue": "ALARM", "ActionsEnabled": True}.items()
    since = driven.begin + 1
    document = {"AlarmName": "a", "HistoryItemType": "StateUpdate", "StartDate": since}
    [item] = json.loads(sent(driven, JSON, "DescribeAlarmHistory", document).body)["AlarmHistoryItems"]
    assert item["Timestamp"] == driven.begin + MINUTE
