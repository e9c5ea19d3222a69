"""KMS keys of volumes, where an instance type has local disks instead."""

from __future__ import annotations

import pytest

from kennel.localcloud.moto_adapter.instance_types import check_volume_key, has_local_storage
from kennel.localcloud.protocol.messages import AwsError

LOCAL = [
    "ml.g4dn.xlarge",
    "ml.g5.2xlarge",
    "ml.m5d.large",
    "ml.p3dn.24xlarge",
    "ml.p4d.24xlarge",
    "ml.dl1.24xlarge",
]
VOLUMES = ["ml.m5.large", "ml.c7i.large", "ml.p3.2xlarge", "ml.t2.medium", "ml.inf2.xlarge"]


def test_types_with_disks_of_their_own_are_known() -> None:
    assert [name for name in LOCAL + VOLUMES if has_local_storage(name)] == LOCAL


@pytest.mark.parametrize("instance_type", LOCAL)
def test_a_key_is_refused_for_local_disks(instance_type: str) -> None:
    with pytest.raises(AwsError, match=f"You can't request a VolumeKmsKeyId .*{instance_type}"):
        check_volume_key("key", "VolumeKmsKeyId", ["ml.m5.large", instance_type])
    check_volume_key(None, "VolumeKmsKeyId", [instance_type])


def test_a_key_is_taken_for_volumes() -> None:
    check_volume_key("key", "KmsKeyId", [*VOLUMES, None])
