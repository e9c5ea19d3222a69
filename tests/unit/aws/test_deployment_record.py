"""The record of what is deployed: what a deployment and a roll-back make of it, and how it is kept."""

from __future__ import annotations

from dataclasses import replace

import boto3
import pytest

from kennel.aws import StackError
from kennel.aws.deployment import deployment_record
from kennel.aws.deployment.deployment_record import Asleep, Deployment, DeploymentRecord
from kennel.aws.infrastructure.stack import Stack


def deployment(number: int, **settings: object) -> Deployment:
    return Deployment(
        id=f"r-{number:012x}",
        digest=f"{number:064x}",
        model_data_url=f"s3://artifacts/releases/r-{number:012x}/model.tar.gz",
        image="image",
        deployment=number,
        **settings,
    )


def test_a_deployment_makes_the_current_one_the_previous() -> None:
    record = DeploymentRecord().with_next(deployment(1)).with_next(deployment(2))

    assert record == DeploymentRecord(2, deployment(2), deployment(1))


def test_a_roll_back_changes_places_and_uses_no_number() -> None:
    record = DeploymentRecord(7, deployment(7), deployment(5))

    assert record.rolled_back() == DeploymentRecord(7, deployment(5), deployment(7))
    assert record.rolled_back().rolled_back() == record


def test_a_number_is_never_used_again() -> None:
    before = DeploymentRecord(4, deployment(4), deployment(3))

    assert before.with_number(5) == DeploymentRecord(5, deployment(4), deployment(3))
    assert before.with_number(2) == before


def test_what_is_written_is_read_and_kept_in_the_history(stack: Stack) -> None:
    first = DeploymentRecord().with_next(deployment(1, instance_count=3, instance_type="ml.m5.large"))
    second = first.with_next(deployment(2))

    asleep = replace(second, asleep=Asleep(("notebook",)))
    for record in (first, asleep, second):
        deployment_record.write(stack, record)

    assert deployment_record.read(stack) == second
    versions = deployment_record.history(stack)
    assert [version.record for version in versions] == [DeploymentRecord(), first, asleep, second]
    assert [version.version for version in versions] == [1, 2, 3, 4]
    assert versions[1].written <= versions[2].written


@pytest.mark.parametrize(
    "value", ["", "[]", "{}", '{"deployment": 1, "current": {"id": "r"}, "previous": null}']
)
def test_what_is_no_record_is_refused_with_the_way_back(stack: Stack, value: str) -> None:
    boto3.client("ssm").put_parameter(
        Name=stack["release_parameter"], Value=value or " ", Type="String", Overwrite=True
    )

    with pytest.raises(StackError, match="get-parameter-history --name /kennel/local/release"):
        deployment_record.read(stack)


def test_without_the_parameter_the_remedy_is_an_apply(stack: Stack) -> None:
    boto3.client("ssm").delete_parameter(Name=stack["release_parameter"])

    with pytest.raises(StackError, match=r"run \./kennel stack\.apply"):
        deployment_record.read(stack)
