"""What a cloud holds is written to a snapshot, and read again by the next one."""

from __future__ import annotations

import datetime
import io
import json
import os
import pickle
import signal
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core.base_backend import BackendDict
from moto.sqs.models import sqs_backends

from kennel.localcloud import LocalCloudError
from kennel.localcloud.clock import Clock, Kept
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore, TransientStore
from kennel.localcloud.moto_adapter import object_contents
from kennel.localcloud.moto_adapter.patches import core, s3
from kennel.localcloud.persistence import snapshot_file
from kennel.localcloud.persistence.keeper import OBJECTS, StateKeeper
from kennel.localcloud.persistence.pickling import StatePickler
from kennel.localcloud.services.sagemaker.training.job import INTERRUPTED, TrainingJob
from kennel.localcloud.services.sagemaker.training.metric_scraper import MetricScraper
from kennel.localcloud.services.sagemaker.training.record import TrainingRecord

LARGE = b"first" * 30_000  # bytes, more than those that share files
ACCOUNT, REGION = "123456789012", "us-east-1"
NOW = datetime.datetime(2026, 11, 27, tzinfo=datetime.UTC)


@dataclass
class Notes(KeptStore):
    texts: list[str] = field(default_factory=list)
    cloud: Cloud | None = None
    resumed_by: Cloud | None = None

    def resume(self, cloud: Cloud) -> None:
        self.resumed_by = cloud


class Connections(TransientStore):
    pass


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("MOTO_PORT", "MOTO_ACCOUNT_ID"):
        monkeypatch.setenv(name, "")
    core.apply()
    s3.apply()
    with mock_aws():
        yield lambda name: boto3.client(name, REGION, aws_access_key_id="x", aws_secret_access_key="x")


def start(directory: Path) -> tuple[Cloud, StateKeeper]:
    """Start a cloud as the service does: with nothing in memory."""
    BackendDict.reset()
    cloud = Cloud(directory, 4510)
    contents = object_contents.use_folder(snapshot_file.folder(directory) / OBJECTS)
    keeper = StateKeeper(cloud, contents)
    keeper.restore()
    return cloud, keeper


def test_everything_is_there_after_a_restart(aws: Any, tmp_path: Path) -> None:
    cloud, keeper = start(tmp_path)
    aws("s3").create_bucket(Bucket="photos")
    aws("s3").put_object(Bucket="photos", Key="dog.jpg", Body=b"a dog")
    key = aws("kms").create_key()["KeyMetadata"]["KeyId"]
    secret = aws("kms").encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    signer = aws("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    signature = {"KeyId": signer, "Message": b"text", "SigningAlgorithm": "ECDSA_SHA_256"}
    signed = aws("kms").sign(**signature)["Signature"]
    certificate = aws("acm").request_certificate(DomainName="example.com")["CertificateArn"]
    queue = aws("sqs").create_queue(QueueName="events")["QueueUrl"]
    aws("sqs").send_message(QueueUrl=queue, MessageBody="an event")
    aws("ssm").put_parameter(Name="/release", Value="r1", Type="String")
    aws("ec2").create_vpc(CidrBlock="10.0.0.0/16")
    aws("ecr").create_repository(repositoryName="images")
    aws("logs").create_log_group(logGroupName="/jobs")
    notes = cloud.store(Notes)
    notes.texts.append("kept")
    notes.cloud = cloud
    cloud.store(Connections)
    assert keeper.save()

    second, _ = start(tmp_path)
    assert aws("s3").get_object(Bucket="photos", Key="dog.jpg")["Body"].read() == b"a dog"
    assert aws("kms").decrypt(CiphertextBlob=secret)["Plaintext"] == b"secret"
    assert aws("kms").verify(**signature, Signature=signed)["SignatureValid"]
    assert aws("acm").describe_certificate(CertificateArn=certificate)["Certificate"]
    assert aws("sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "an event"
    assert aws("ssm").get_parameter(Name="/release")["Parameter"]["Value"] == "r1"
    assert "10.0.0.0/16" in {vpc["CidrBlock"] for vpc in aws("ec2").describe_vpcs()["Vpcs"]}
    assert aws("ecr").describe_repositories()["repositories"]
    assert aws("logs").describe_log_groups()["logGroups"]
    aws("ssm").put_parameter(Name="/another", Value="new", Type="String")
    second.resume()
    again = second.store(Notes)
    assert (again.texts, again.cloud, again.resumed_by) == (["kept"], second, second)
    assert again in second.kept_stores()
    assert not any(isinstance(store, TransientStore) for store in second.kept_stores())


def test_what_changed_after_the_snapshot_is_lost_and_its_files_go(aws: Any, tmp_path: Path) -> None:
    _, keeper = start(tmp_path)
    aws("s3").create_bucket(Bucket="photos")
    aws("s3").put_object(Bucket="photos", Key="first", Body=LARGE)
    assert keeper.save()
    aws("s3").put_object(Bucket="photos", Key="second", Body=LARGE[::-1])
    aws("s3").delete_object(Bucket="photos", Key="first")

    start(tmp_path)
    assert aws("s3").get_object(Bucket="photos", Key="first")["Body"].read() == LARGE
    assert aws("s3").list_objects_v2(Bucket="photos")["KeyCount"] == 1
    objects = tmp_path / snapshot_file.FOLDER / OBJECTS
    assert [path.read_bytes() for path in objects.rglob("*") if path.is_file()] == [LARGE]


def test_a_deleted_object_s_file_goes_with_the_next_snapshot(aws: Any, tmp_path: Path) -> None:
    _, keeper = start(tmp_path)
    aws("s3").create_bucket(Bucket="photos")
    aws("s3").put_object(Bucket="photos", Key="first", Body=LARGE)
    assert keeper.save()
    aws("s3").delete_object(Bucket="photos", Key="first")
    objects = tmp_path / snapshot_file.FOLDER / OBJECTS
    assert len([path for path in objects.rglob("*") if path.is_file()]) == 1
    assert keeper.save()
    assert not [path for path in objects.rglob("*") if path.is_file()]


def test_a_service_that_cannot_be_kept_is_named_and_the_others_are_kept(aws: Any, tmp_path: Path) -> None:
    _, keeper = start(tmp_path)
    queue = aws("sqs").create_queue(QueueName="events")["QueueUrl"]
    aws("ssm").put_parameter(Name="/release", Value="r1", Type="String")
    sqs_backends[ACCOUNT][REGION].running = (number for number in range(3))
    assert keeper.save()
    header = snapshot_file.read_header(tmp_path)
    assert header is not None
    assert header.not_kept == ["sqs"]

    start(tmp_path)
    assert aws("ssm").get_parameter(Name="/release")["Parameter"]["Value"] == "r1"
    assert queue not in aws("sqs").list_queues().get("QueueUrls", [])


def test_a_store_that_cannot_be_pickled_leaves_the_last_snapshot(aws: Any, tmp_path: Path) -> None:
    cloud, keeper = start(tmp_path)
    cloud.store(Notes).texts.append("kept")
    cloud.changes.note()
    assert keeper.save()
    assert not cloud.changes.unsaved
    cloud.store(Notes).cloud = (number for number in range(3))  # type: ignore[assignment]  # no pickle
    cloud.changes.note()
    assert not keeper.save()
    assert cloud.changes.unsaved
    second, _ = start(tmp_path)
    assert second.store(Notes).texts == ["kept"]


class Slow(KeptStore):
    """Takes for ever to be written, and names the process that writes it in a FIFO."""

    def __init__(self, fifo: Path) -> None:
        self.fifo = fifo

    def __getstate__(self) -> dict[str, Any]:
        with self.fifo.open("w") as pipe:
            print(os.getpid(), file=pipe, flush=True)
            while True:
                signal.pause()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process is not ended with its parent")
def test_a_snapshot_is_not_written_on_when_the_service_was_killed(aws: Any, tmp_path: Path) -> None:
    cloud, keeper = start(tmp_path / "cloud")
    os.mkfifo(tmp_path / "fifo")
    cloud.store(Slow, lambda: Slow(tmp_path / "fifo"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the fork only saves, and is killed
        service = os.fork()
    if service == 0:
        try:
            keeper.save()
        finally:
            os._exit(1)
    with (tmp_path / "fifo").open() as pipe:
        writer = int(pipe.readline())
        assert writer != service
        os.kill(service, signal.SIGKILL)
        os.waitpid(service, 0)
        assert pipe.read() == "", "it was held open until the process that writes had ended"


@pytest.fixture
def saved(aws: Any, tmp_path: Path) -> Path:
    _, keeper = start(tmp_path)
    assert keeper.save()
    return tmp_path / snapshot_file.FOLDER / snapshot_file.SNAPSHOT


@pytest.mark.parametrize("name", ["kennel", "moto", "python"])
def test_another_version_s_snapshot_is_refused(saved: Path, name: str) -> None:
    line, _, rest = saved.read_bytes().partition(b"\n")
    header = {**json.loads(line), name: "0.0"}
    saved.write_bytes(json.dumps(header).encode() + b"\n" + rest)
    with pytest.raises(
        LocalCloudError, match=rf"(?i)saved by {name} 0\.0.*\./kennel local\.reset"
    ) as refused:
        snapshot_file.read_header(saved.parents[1])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"no header\n", b'{"format": 1}\n', b'{"format": 99}\n'])
def test_a_damaged_header_is_refused(saved: Path, content: bytes) -> None:
    saved.write_bytes(content)
    with pytest.raises(LocalCloudError, match=r"cannot be read from .*snapshot .*\./kennel local\.reset"):
        snapshot_file.read_header(saved.parents[1])


def test_a_damaged_state_is_refused(saved: Path) -> None:
    with saved.open("r+b") as file:
        file.truncate(saved.stat().st_size - 10)
    with pytest.raises(LocalCloudError, match=r"cannot be read from .*snapshot .*\./kennel local\.reset"):
        start(saved.parents[1])


def test_a_missing_object_is_refused(aws: Any, tmp_path: Path) -> None:
    _, keeper = start(tmp_path)
    aws("s3").create_bucket(Bucket="photos")
    aws("s3").put_object(Bucket="photos", Key="first", Body=b"first")
    assert keeper.save()
    for path in (tmp_path / snapshot_file.FOLDER / OBJECTS).rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(LocalCloudError, match="1 files of objects are missing"):
        start(tmp_path)


def test_what_others_may_read_is_not_loaded(saved: Path) -> None:
    for path, mode in ((saved, 0o644), (saved.parent, 0o755)):
        before = path.stat().st_mode
        path.chmod(mode)
        with pytest.raises(LocalCloudError, match=f"{path} is open to other users, so it is not read"):
            snapshot_file.read_header(saved.parents[1])
        path.chmod(before)
    assert snapshot_file.read_header(saved.parents[1])


def test_a_job_that_ran_is_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Record:
        training_job_name = "job"

    parameters: dict[str, Any] = {
        "AlgorithmSpecification": {"MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*)"}]}
    }
    cloud: Any = object.__new__(_Nothing)
    session: Any = _Nothing()
    job = TrainingJob(cloud, session, TrainingRecord(Record(), parameters, Clock()), parameters)
    job.record.training()
    job.metrics.read("loss=0.5", "algo-1", NOW)
    restore, arguments = job.__reduce__()
    again = restore(*arguments)
    again.interrupt()
    assert again.record.status == "Failed"
    assert again.record.moto.failure_reason == INTERRUPTED
    assert again.metrics.values("loss") == [0.5]
    again.record.moto.failure_reason = "of its own"
    again.interrupt()  # it has ended: nothing changes
    assert again.record.moto.failure_reason == "of its own"


def test_the_clock_goes_on_after_a_restart(aws: Any, tmp_path: Path) -> None:
    cloud, keeper = start(tmp_path)
    cloud.clock.restore(Kept(1_800_000_000.0, 1_700_000_000.0, 0))
    cloud.clock.advance(90)
    cloud.store(Notes).cloud = cloud
    cloud.store(Timed).clock = cloud.clock
    assert keeper.save()
    second, _ = start(tmp_path)
    assert (second.clock.time(), second.clock.speed) == (1_800_000_090.0, 0)
    assert second.store(Timed).clock is second.clock


@dataclass
class Timed(KeptStore):
    clock: Clock | None = None


class _Nothing:
    pass


def test_a_lock_in_a_store_is_made_anew() -> None:
    scraper = MetricScraper([{"Name": "loss", "Regex": "loss=(.*)"}])
    scraper.read("loss=0.5", "algo-1", NOW)
    file = io.BytesIO()
    StatePickler(file, set()).dump(scraper)
    assert pickle.loads(file.getvalue()).values("loss") == [0.5]
