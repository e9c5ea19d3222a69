"""S3's lifecycle rules by a driven clock: what expires, what changes its class, and when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.s3 import models, notifications

from kennel.localcloud.clock import Clock
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.moto_adapter import aging, object_contents, policy_store, s3_events
from kennel.localcloud.moto_adapter.bucket_configurations import configurations_of
from kennel.localcloud.moto_adapter.patches import core, s3
from kennel.localcloud.services.s3_expiration import DAY, KIND, apply_lifecycles

BUCKET = "aging"


class Stage:
    """A bucket whose rules a driven clock applies.

    Attributes
    ----------
    events
        The names and keys of what the bucket notified.
    """

    def __init__(self, client: Any, clock: Clock) -> None:
        self.client, self.clock = client, clock
        self.events: list[tuple[str, str]] = []

    def let(self, *rules: dict[str, Any], **more: str) -> None:
        kept = [{"ID": str(number), "Status": "Enabled", **rule} for number, rule in enumerate(rules)]
        self.client.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": kept})
        configurations_of(policy_store.bucket_record(BUCKET), KIND).update({"Rules": kept, **more})

    def put(self, key: str, size: int = 1, **more: str) -> None:
        self.client.put_object(Bucket=BUCKET, Key=key, Body=b"a" * size, **more)

    def days(self, number: float) -> None:
        self.clock.advance(number * DAY)

    def names(self) -> list[str]:
        return [each["Key"] for each in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def versions(self, kind: str = "Versions") -> int:
        return len(self.client.list_object_versions(Bucket=BUCKET).get(kind, []))

    def storage_class(self, key: str) -> str:
        shown: str = self.client.head_object(Bucket=BUCKET, Key=key).get("StorageClass", "STANDARD")
        return shown


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for kind in (models.FakeKey, models.FakeDeleteMarker, models.FakeMultipart):
        monkeypatch.setattr(kind, "__init__", kind.__init__)  # undone: the clock is this test's
    for name in ("send_event", "send_test_event"):
        monkeypatch.setattr(notifications, name, getattr(notifications, name))
    core.apply()
    s3.apply()
    object_contents.use_folder(tmp_path / "objects")
    clock = Clock(speed=0)
    clock.advance(DAY - clock.time() % DAY + 3600)  # an hour after midnight
    aging.note_times(clock)
    cloud = Cloud(tmp_path, 1, clock)
    with mock_aws():
        client = boto3.client("s3", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        client.create_bucket(Bucket=BUCKET)
        apply_lifecycles(cloud)
        made = Stage(client, clock)

        def notify(target: str, bucket: str, event: dict[str, Any]) -> None:
            made.events += [(each["eventName"], each["s3"]["object"]["key"]) for each in event["Records"]]

        s3_events.notify_with(notify, lambda *_: None)
        yield made
    cloud.shutdown()


def versioned(stage: Stage) -> None:
    stage.client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})


def test_an_object_expires_at_the_midnight_after_its_days(stage: Stage) -> None:
    stage.let({"Filter": {"Prefix": "in/"}, "Expiration": {"Days": 2}})
    for key in ("in/a", "out/a"):
        stage.put(key)
    stage.days(2)
    assert stage.names() == ["in/a", "out/a"]
    stage.put("in/later")
    stage.days(1)  # over the third midnight
    assert stage.names() == ["in/later", "out/a"]
    stage.client.delete_bucket_lifecycle(Bucket=BUCKET)
    stage.days(9)
    assert stage.names() == ["in/later", "out/a"]


def test_a_rule_chooses_by_tags_sizes_and_dates(stage: Stage) -> None:
    tag = {"Key": "a", "Value": "b"}
    tomorrow = datetime.fromtimestamp(stage.clock.time() // DAY * DAY + DAY, UTC)
    stage.let(
        {"Filter": {"Tag": tag}, "Expiration": {"Days": 1}},
        {"Filter": {"And": {"Prefix": "s", "ObjectSizeGreaterThan": 5}}, "Expiration": {"Days": 1}},
        {"Filter": {"Prefix": "dated"}, "Expiration": {"Date": tomorrow}},
    )
    stage.put("tagged", Tagging="a=b&c=d")
    stage.put("untagged", Tagging="a=c")
    stage.put("small")
    stage.put("sizable", 6)
    stage.put("dated")
    stage.days(1)
    assert "dated" not in stage.names()
    stage.days(1)
    assert stage.names() == ["small", "untagged"]


def test_versions_and_markers_expire_as_versioning_says(stage: Stage) -> None:
    versioned(stage)
    expiry = {"NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 1}}
    stage.let({"Filter": {}, "Expiration": {"Days": 1}, **expiry})
    for _ in range(3):
        stage.put("k")
    stage.days(2)
    assert (stage.names(), stage.versions(), stage.versions("DeleteMarkers")) == ([], 3, 1)
    stage.days(3)  # since the second became noncurrent four days, since the last three, but one is kept
    assert (stage.versions(), stage.versions("DeleteMarkers")) == (1, 1)
    stage.let(
        {"Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 3}},
        {"Filter": {}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
    )
    stage.days(2)
    assert (stage.versions(), stage.versions("DeleteMarkers")) == (0, 0)


def test_locked_versions_stay(stage: Stage) -> None:
    versioned(stage)
    stage.let({"Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}})
    for key in ("held", "free"):
        for _ in range(2):
            stage.put(key)
    held = policy_store.bucket_record(BUCKET).keys.getlist("held")[0]
    held.lock_legal_status = "ON"
    stage.days(3)
    assert [each["Key"] for each in stage.client.list_object_versions(Bucket=BUCKET)["Versions"]] == [
        "free",
        "held",
        "held",
    ]


def test_objects_change_their_class_but_for_small_ones(stage: Stage) -> None:
    rule = {"Filter": {"Prefix": ""}, "Transitions": [{"Days": 1, "StorageClass": "STANDARD_IA"}]}
    stage.let(rule)
    stage.put("small")
    stage.put("large", 128 * 1024)
    stage.days(2)
    assert [stage.storage_class(key) for key in ("small", "large")] == ["STANDARD", "STANDARD_IA"]
    stage.let(rule, TransitionDefaultMinimumObjectSize="varies_by_storage_class")
    stage.days(1)
    assert stage.storage_class("small") == "STANDARD_IA"


def test_uploads_that_nobody_completes_are_aborted(stage: Stage) -> None:
    stage.let({"Filter": {"Prefix": "in/"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}})
    for key in ("in/a", "out/a"):
        stage.client.create_multipart_upload(Bucket=BUCKET, Key=key)
    stage.days(2)
    uploads = stage.client.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
    assert [each["Key"] for each in uploads] == ["out/a"]


def test_expirations_notify_under_a_name_of_their_own(stage: Stage) -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:t"
    events = ["s3:LifecycleExpiration:*"]
    configuration = models.NotificationConfiguration(topic=[{"Topic": topic, "Event": events, "Id": "i"}])
    policy_store.bucket_record(BUCKET).notification_configuration = configuration
    stage.let({"Filter": {}, "Expiration": {"Days": 1}})
    stage.put("k")
    stage.days(2)
    assert stage.events == [("LifecycleExpiration:Delete", "k")]
