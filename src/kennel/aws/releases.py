"""Releases: a packaged model with its metrics and digest, the unit that is deployed."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import tarfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kennel.aws import Progress, StackError, artifacts, golden, hosts, session
from kennel.aws.session import Workspace
from kennel.aws.stack import Stack

ENTRY = (
    "inference.py",
    '"""Handlers that the serving container looks for."""\n'
    "from kennel.classifier.inference import input_fn, model_fn, output_fn, predict_fn\n\n"
    '__all__ = ["input_fn", "model_fn", "output_fn", "predict_fn"]\n',
)
# Far more than an image classifier needs; SageMaker itself accepts larger ones.
_MAXIMUM_MODEL_BYTES = 4 * 1024**3


@dataclass(frozen=True)
class Release:
    """One packaged model.

    Parameters
    ----------
    id
        ``r-`` and the first twelve digits of the digest: the same model packaged twice is the
        same release.
    digest
        SHA-256 over the names and contents of the archive's files but for the golden logits.
    learned
        What the model learnt from, see `kennel.classifier.learned`; None for a model of an earlier version.
    """

    id: str
    digest: str
    job: str
    arch: str
    classes: list[str]
    metrics: dict[str, float]
    model_data_url: str
    created: str
    learned: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def package(
    workspace: Workspace, stack_: Stack, job: str | None = None, progress: Progress | None = None
) -> Release:
    """Turn a training job's model into a release in the artifact bucket.

    Parameters
    ----------
    job
        Name of a completed training job, or of a training on the EC2 host; the newest training job of
        this stack if not given.

    Raises
    ------
    StackError
        There is no such job, or its archive does not contain a model that loads.
    """
    report = progress or (lambda line: None)
    job = job or newest_job(stack_)
    trained = _trained(stack_, job)
    folder = workspace.build / "release"
    shutil.rmtree(folder, ignore_errors=True)
    archive = artifacts.download(trained, folder / "trained.tar.gz")
    content = unpack(archive, folder / "content")
    archive.unlink()
    return publish(workspace, stack_, content, job, report)


def publish(workspace: Workspace, stack_: Stack, content: Path, job: str, report: Progress) -> Release:
    """Make a release of a model folder: add the code that serves it, upload it, and record it.

    Raises
    ------
    KennelError
        The model does not load.
    """
    from kennel.classifier import inference, learned

    report(f"loading the model of {job}")
    classifier = inference.load(content)  # a model that does not load must not become a release
    artifacts.stage_classifier(workspace.root, content / "code", ENTRY)
    golden.write(content, classifier, stack_, job, report)
    digest = _digest(content)
    record = content / learned.FILE
    release = Release(
        id=f"r-{digest[:12]}",
        digest=digest,
        job=job,
        arch=json.loads((content / "model.json").read_text())["arch"],
        classes=list(classifier.classes),
        metrics=json.loads((content / "metrics.json").read_text()),
        model_data_url=f"s3://{stack_['artifact_bucket']}/releases/r-{digest[:12]}/model.tar.gz",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        learned=json.loads(record.read_text()) if record.is_file() else None,
    )
    (content / "release.json").write_text(json.dumps(release.as_dict(), indent=2) + "\n")
    bucket, key = artifacts.split(release.model_data_url)
    report(f"uploading {release.id}")
    s3 = session.client("s3")
    s3.upload_fileobj(io.BytesIO(_pack(content)), bucket, key)
    golden.upload(content, bucket, f"releases/{release.id}/")
    # Last: the record's presence means that the release is complete.
    s3.put_object(
        Bucket=bucket, Key=f"releases/{release.id}/release.json", Body=(content / "release.json").read_bytes()
    )
    return release


def find(bucket: str, release_id: str) -> Release:
    """Return a release by its id."""
    if not re.fullmatch(r"r-[0-9a-f]{12}", release_id):
        raise StackError(f"not a release id: {release_id!r} (expected r- and twelve hexadecimal digits)")
    s3 = session.client("s3")
    try:
        response = s3.get_object(Bucket=bucket, Key=f"releases/{release_id}/release.json")
    except s3.exceptions.NoSuchKey as error:
        raise StackError(f"no release {release_id} in {bucket}: ./kennel releases lists them") from error
    return Release(**json.loads(response["Body"].read()))


def everything(bucket: str) -> list[Release]:
    """Return all releases, the newest first."""
    keys = [key for key in artifacts.objects(bucket, "releases/") if key.endswith("/release.json")]
    releases = [find(bucket, key.split("/")[1]) for key in keys]
    return sorted(releases, key=lambda release: release.created, reverse=True)


def newest(bucket: str) -> str:
    """Return the id of the release packaged last."""
    releases = everything(bucket)
    if not releases:
        raise StackError("nothing is packaged yet: run ./kennel package")
    return releases[0].id


def newest_job(stack_: Stack) -> str:
    """Return the name of this stack's training job that completed last."""
    jobs = session.client("sagemaker").list_training_jobs(
        NameContains=f"{stack_['name']}-train",
        StatusEquals="Completed",
        SortBy="CreationTime",
        SortOrder="Descending",
    )["TrainingJobSummaries"]
    if not jobs:
        raise StackError("no training job has completed yet: run ./kennel train")
    return max(jobs, key=lambda job: job["CreationTime"])["TrainingJobName"]


def unpack(archive: Path, target: Path) -> Path:
    """Unpack a model archive; links, devices and paths that lead out of ``target`` are refused."""
    try:
        with tarfile.open(archive) as tar:
            if sum(member.size for member in tar) > _MAXIMUM_MODEL_BYTES:
                raise StackError(
                    f"{archive.name} unpacks to more than {_MAXIMUM_MODEL_BYTES >> 30} GiB: not a classifier"
                )
            tar.extractall(target, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise StackError(f"{archive.name} is not a readable archive: {error}") from error
    return target


def _trained(stack_: Stack, job: str) -> str:
    """Return the S3 address of a completed training's model."""
    from botocore.exceptions import ClientError

    try:
        description = session.client("sagemaker").describe_training_job(TrainingJobName=job)
    except ClientError as error:
        record = hosts.record_of(stack_, job)
        if record is None:
            raise StackError(f"no training job {job}: {error.response['Error']['Message']}") from error
        return str(record["artifact"])
    if description["TrainingJobStatus"] != "Completed":
        raise StackError(
            f"training job {job} is {description['TrainingJobStatus']}, not Completed: it has no model"
        )
    return str(description["ModelArtifacts"]["S3ModelArtifacts"])


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    # The golden logits follow from the other files, and their last digits differ from CPU to CPU.
    logits = folder / golden.FOLDER / golden.LOGITS
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != logits:
            total.update(path.relative_to(folder).as_posix().encode() + b"\0")
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _pack(folder: Path) -> bytes:
    """Return ``folder`` as a tar.gz that has the same bytes whenever it has the same content."""
    import gzip

    buffer = io.BytesIO()
    # Weights hardly compress; the lowest level saves most of the time.
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
                entry.size, entry.mode = path.stat().st_size, 0o644
                with path.open("rb") as source:
                    tar.addfile(entry, source)
    return buffer.getvalue()
