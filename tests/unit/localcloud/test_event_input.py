"""What targets get of an event, as the EventBridge user guide's examples show it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kennel.localcloud.services.events.input import InputPathError, at_path, payload_of

EVENT = {
    "source": "aws.ec2",
    "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789"],
    "detail": {"instance-id": "i-0123456789", "state": 'RUNNING "now"', "count": 2},
}
PATHS = {
    "instance": "$.detail.instance-id",
    "state": "$.detail.state",
    "count": "$.detail.count",
    "none": "$.detail.none",
}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, EVENT),
        ({"Input": '{"a": 1}'}, {"a": 1}),
        ({"InputPath": "$.detail"}, EVENT["detail"]),
        ({"InputPath": "$.resources[0]"}, "arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789"),
    ],
)
def test_a_target_gets_the_event_a_part_or_a_constant(target: dict[str, Any], expected: Any) -> None:
    assert json.loads(payload_of(target, EVENT)) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('"<instance> is in state <state>"', 'i-0123456789 is in state RUNNING "now"'),
        ('{"instance": <instance>, "n": <count>}', {"instance": "i-0123456789", "n": 2}),
        ('{"all": <aws.events.event>}', {"all": EVENT}),
        ('{"left out": <none>, "text": "<none>!"}', {"left out": "", "text": "!"}),
        ('"a <tag>"', "a <tag>"),
    ],
)
def test_a_template_is_filled_in(template: str, expected: Any) -> None:
    target = {"InputTransformer": {"InputPathsMap": PATHS, "InputTemplate": template}}
    assert json.loads(payload_of(target, EVENT)) == expected


def test_a_path_of_another_form_is_refused() -> None:
    with pytest.raises(InputPathError, match="no path"):
        at_path(EVENT, "$..detail[*]")
