"""A release beside the deployed one: what is warned of, with both figures."""

from __future__ import annotations

import json

import boto3
import pytest

from kennel.aws.deployment import deployment_record, release_comparison
from kennel.aws.deployment.deployment_record import Deployment, DeploymentRecord
from kennel.aws.deployment.release_comparison import Comparison
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import releases
from kennel.aws.release.releases import Release

CLASSES = ["001.Affenpinscher", "002.Akita"]


def release(number: int, top_1: float | None = None, classes: list[str] | None = None) -> Release:
    return Release(
        id=f"r-{number:012x}",
        digest="d",
        job="kennel-local-train-1",
        arch="resnet50",
        classes=CLASSES if classes is None else classes,
        metrics={} if top_1 is None else {"test_top1": top_1},
        model_data_url="s3://artifacts/m",
        created=f"2026-11-27T0{number}:00:00+00:00",
    )


@pytest.mark.parametrize(("new", "old"), [(0.9, 0.9), (0.95, 0.9), (0.9, None), (None, None)])
def test_what_is_no_worse_is_no_warning(new: float | None, old: float | None) -> None:
    assert Comparison(release(2, new), release(1, old)).warnings == []


def test_a_lower_top_1_is_warned_of_with_both_figures() -> None:
    (warning,) = Comparison(release(2, 0.81), release(1, 0.9375)).warnings
    assert warning == "top-1 of r-000000000002 is 0.81; that of the deployed r-000000000001 is 0.9375"
    (warning,) = Comparison(release(2), release(1, 0.9375)).warnings
    assert "r-000000000002 was not measured" in warning


@pytest.mark.parametrize(
    ("classes", "text"),
    [
        (["001.Affenpinscher"], "has 1 classes, the deployed r-000000000001 2: 1 missing (002.Akita)"),
        ([*CLASSES, "c", "d", "e", "f"], "2: 4 new (c, d, e, and 1 more)"),
        (["x", "002.Akita"], "1 new (x), 1 missing (001.Affenpinscher)"),
        (CLASSES[::-1], "the same in another order"),
    ],
)
def test_other_classes_are_warned_of(classes: list[str], text: str) -> None:
    (warning,) = Comparison(release(2, 1.0, classes), release(1, 1.0)).warnings

    assert text in warning


def publish(release: Release) -> Release:
    boto3.client("s3").put_object(
        Bucket="artifacts", Key=f"releases/{release.id}/release.json", Body=json.dumps(release.as_dict())
    )
    return release


def test_a_release_is_compared_with_the_one_that_is_deployed(stack: Stack) -> None:
    old, new = publish(release(1, 0.9)), publish(release(2, 0.5, ["a"]))
    assert release_comparison.with_deployed(stack, new) is None, "nothing is deployed"
    deployed = Deployment(old.id, old.digest, old.model_data_url, "image", 1)
    deployment_record.write(stack, DeploymentRecord().with_next(deployed))

    comparison = release_comparison.with_deployed(stack, new)

    assert comparison is not None
    document = comparison.as_dict()
    assert (document["deployed"], document["top1"], document["deployed_top1"]) == (old.id, 0.5, 0.9)
    assert (document["classes_added"], document["classes_removed"]) == (["a"], CLASSES)
    assert len(document["warnings"]) == 2
    assert release_comparison.with_deployed(stack, old) is None, "it is the deployed one itself"
    assert [listed.id for listed in releases.everything("artifacts")] == [new.id, old.id]
