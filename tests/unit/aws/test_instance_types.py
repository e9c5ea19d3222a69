"""Instance types with local disks take no KMS key; the list of their families agrees with EC2's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from botocore.loaders import Loader
from moto.ec2.models.instance_types import INSTANCE_TYPES

from kennel.aws.infrastructure.stack import Stack
from kennel.aws.instance_types import volume_key

FAMILIES = json.loads(
    (Path(__file__).resolve().parents[3] / "terraform" / "local_disk_families.json").read_text()
)
# Families of SageMaker's that EC2 no longer lists, or does not list yet.
NOT_IN_EC2 = {"dl1", "p2", "p3", "p6e-gb200"}


@pytest.mark.parametrize(
    ("instance_type", "key"),
    [("ml.m5.xlarge", "key"), ("ml.m5d.xlarge", None), ("ml.g5.xlarge", None), ("ml.p3.2xlarge", "key")],
)
def test_a_type_with_local_disks_takes_no_key(instance_type: str, key: str | None) -> None:
    assert volume_key(Stack({"kms_key_arn": "key", "local_disk_families": FAMILIES}), instance_type) == key


def test_the_families_are_those_that_have_disks_in_ec2() -> None:
    shapes = Loader().load_service_model("sagemaker", "service-2")["shapes"]
    names = shapes["TrainingInstanceType"]["enum"] + shapes["ProductionVariantInstanceType"]["enum"]
    families = {name.split(".")[1] for name in names} - NOT_IN_EC2
    in_ec2 = {name.split(".")[0]: entry for name, entry in INSTANCE_TYPES.items()}

    with_disks = {family for family in families if in_ec2[family]["InstanceStorageSupported"]}

    assert with_disks == set(FAMILIES) & families
