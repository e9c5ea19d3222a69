"""What of a plan belongs to a release."""

from __future__ import annotations

import pytest

from kennel.aws import StackError
from kennel.aws.deployment import release_changes
from kennel.aws.infrastructure.changes import Changes, ResourceChange

RELEASE = [
    ResourceChange("create", 'module.endpoint[0].aws_sagemaker_model.this["8"]'),
    ResourceChange("update", "module.endpoint[0].aws_sagemaker_endpoint.this"),
    ResourceChange("replace", "module.autoscaling[0].aws_appautoscaling_target.this"),
    ResourceChange("create", 'module.observability.aws_cloudwatch_metric_alarm.this["endpoint-latency"]'),
    ResourceChange("read", "module.network.data.aws_iam_policy_document.flow_logs"),
]


def test_a_release_and_what_is_read_for_it_are_not_beyond_it() -> None:
    release_changes.require_nothing_beyond(Changes(planned=RELEASE))


@pytest.mark.parametrize(
    "address",
    [
        "module.network.aws_vpc.this",
        'module.observability.aws_cloudwatch_metric_alarm.this["function-errors"]',
        "module.endpoints.aws_vpc_endpoint.this",
    ],
)
def test_anything_else_is_refused_by_its_address(address: str) -> None:
    with pytest.raises(StackError) as caught:
        release_changes.require_nothing_beyond(Changes(planned=[*RELEASE, ResourceChange("update", address)]))

    assert f"more than the release: update {address};" in str(caught.value)
    assert "--yes" in str(caught.value)


def test_only_some_of_many_are_named() -> None:
    others = [ResourceChange("create", f"module.network.aws_subnet.this[{number}]") for number in range(9)]

    with pytest.raises(StackError, match=r"this\[2\] and 6 more; see them with"):
        release_changes.require_nothing_beyond(Changes(planned=others))
