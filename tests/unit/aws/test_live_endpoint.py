"""What the endpoint runs against what was wanted, from SageMaker's own description."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.aws import StackError, session
from kennel.aws.deployment import live_endpoint
from kennel.aws.deployment.deployment_record import Deployment
from kennel.aws.infrastructure.stack import Stack

STACK = Stack({"name": "kennel-dev", "endpoint": {"name": "kennel-dev-classifier", "variant": "AllTraffic"}})
TWO = Deployment("r-000000000002", "d", "s3://artifacts/m", "image", 2)


class SageMaker:
    """Describes an endpoint: each time the next description, at the end the last one."""

    def __init__(self, *descriptions: dict[str, Any] | None) -> None:
        self.descriptions, self.changes = list(descriptions), []

    def describe_endpoint(self, **_: Any) -> dict[str, Any]:
        now = self.descriptions.pop(0) if len(self.descriptions) > 1 else self.descriptions[0]
        if now is None:
            message = (
                'Could not find endpoint "arn:aws:sagemaker:us-east-1:1:endpoint/kennel-dev-classifier".'
            )
            error: Any = {"Error": {"Code": "ValidationException", "Message": message}}
            raise ClientError(error, "DescribeEndpoint")
        return now

    def update_endpoint_weights_and_capacities(self, **parameters: Any) -> None:
        self.changes.append(parameters)


def described(number: int, status: str = "InService", reason: str = "", count: int = 1) -> dict[str, Any]:
    variant = {
        "VariantName": "AllTraffic",
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
    }
    return {
        "EndpointConfigName": f"kennel-dev-deployment-{number}",
        "EndpointStatus": status,
        "ProductionVariants": [variant],
        **({"FailureReason": reason} if reason else {}),
    }


@pytest.fixture
def sagemaker(monkeypatch: pytest.MonkeyPatch) -> Any:
    def of(*descriptions: dict[str, Any] | None) -> SageMaker:
        service = SageMaker(*descriptions)
        monkeypatch.setattr(session, "client", lambda name: service)
        return service

    return of


def test_an_endpoint_that_serves_the_deployment_is_returned(sagemaker: Any) -> None:
    sagemaker(described(2, count=3))

    assert live_endpoint.require(STACK, TWO).desired == {"AllTraffic": 3}


def test_a_serverless_endpoint_serves_without_instances(sagemaker: Any) -> None:
    serverless = {"MemorySizeInMB": 4096, "MaxConcurrency": 5}
    variant = {"VariantName": "AllTraffic", "CurrentServerlessConfig": serverless}
    service = sagemaker({**described(2), "ProductionVariants": [variant]})

    live = live_endpoint.require(STACK, TWO)
    live_endpoint.keep_instances(STACK, live, 3, lambda line: None)

    assert (live.serves, live.serverless) == (True, True)
    assert service.changes == [], "there are no instances to keep"


@pytest.mark.parametrize(
    ("description", "text"),
    [
        (described(1, reason="alarm\n went off"), "went back to kennel-dev-deployment-1: alarm went off"),
        (described(2, "UpdateRollbackFailed"), "kennel-dev-classifier is UpdateRollbackFailed"),
        (described(2, count=0), "no instance of kennel-dev-classifier's variant AllTraffic serves"),
        (None, "there is no endpoint kennel-dev-classifier"),
    ],
)
def test_anything_else_is_refused_with_sagemakers_reason(
    sagemaker: Any, description: dict[str, Any] | None, text: str
) -> None:
    sagemaker(description)

    with pytest.raises(StackError, match=text):
        live_endpoint.require(STACK, TWO)


def test_an_update_that_runs_is_waited_for(sagemaker: Any) -> None:
    sagemaker(described(1, "Updating"), described(1, "RollingBack"), described(1))
    lines: list[str] = []

    live = live_endpoint.settled(STACK, lines.append, poll_seconds=0)

    assert live is not None
    assert live.status == "InService"
    assert lines == ["kennel-dev-classifier is Updating", "kennel-dev-classifier is RollingBack"]


def test_an_error_that_is_not_about_a_missing_endpoint_is_raised(sagemaker: Any) -> None:
    service = sagemaker(None)

    def denied(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeEndpoint")

    service.describe_endpoint = denied

    with pytest.raises(ClientError):
        live_endpoint.describe(STACK)


def test_a_roll_back_keeps_the_instances_that_a_scaling_has_added(sagemaker: Any) -> None:
    service = sagemaker(described(2))
    live = live_endpoint.require(STACK, TWO)

    live_endpoint.keep_instances(STACK, live, 1, lambda line: None)
    live_endpoint.keep_instances(STACK, live, 3, lambda line: None)

    (change,) = service.changes
    assert change["DesiredWeightsAndCapacities"] == [{"VariantName": "AllTraffic", "DesiredInstanceCount": 3}]
