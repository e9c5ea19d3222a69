"""Releases: a packaged model with its metrics and digest, the unit that is deployed.

A release is written once: the bucket's policy refuses to overwrite or to delete what is below ``releases/``
(terraform/modules/storage/policy.tf). What a notebook packages is a candidate, below ``candidates/``.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kennel.aws import Progress, StackError, artifacts, model_registry, session, silent
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import compared_photos, golden, release_archive, trained_models
from kennel.aws.release.release_archive import RECORD
from kennel.aws.session import Workspace
from kennel.packaging import build
from kennel.serving.runtime_names import OPENVINO_INT8, TORCH

# Where releases and candidates are in the artifact bucket: an area holds a folder for each id.
RELEASES = "releases"
CANDIDATES = "candidates"
ARCHIVE = "model.tar.gz"
# Of a trained model's folder; the rest of a release is made from these.
KEPT = ("model.json", "model.pth", "metrics.json", "learned.json")
_BESIDE = ("created", "size", "latency")  # in the record beside an archive, not in the archive's own


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
    runtime
        What serves it, one of `kennel.serving.runtime_names.RUNTIMES`.
    input
        What the runtime takes: shape and type of the pixels, and how a picture becomes them.
    sign_off
        How the runtime was chosen, see `kennel.packaging.sign_off.SignOff`.
    size
        Bytes of the archive.
    latency
        The median time of one golden photo where it was packaged, decoding included: ``{"p50_ms", "cores",
        "calls"}``. Like ``created`` and ``size`` it is recorded beside the archive, not in it.
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
    runtime: str = TORCH
    input: dict[str, Any] | None = None
    sign_off: dict[str, Any] | None = None
    size: int | None = None
    latency: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def package(
    workspace: Workspace,
    stack_: Stack,
    job: str | None = None,
    progress: Progress | None = None,
    *,
    runtime: str = OPENVINO_INT8,
    area: str = RELEASES,
) -> Release:
    """Turn a training job's model into a release in the artifact bucket.

    Parameters
    ----------
    job
        Name of a completed training job, or of a training on the EC2 host; the newest training job of
        this stack if not given.
    runtime
        What is to serve it; int8 falls back to fp32, a graph to the network, if it fails its gate.
    area
        `CANDIDATES` for a caller who may only propose a release: the notebook.

    Raises
    ------
    StackError
        There is no such job, or its archive does not contain a model that loads.
    """
    report = progress or silent
    job = job or trained_models.newest_job(stack_)
    folder = workspace.build / "release"
    shutil.rmtree(folder, ignore_errors=True)
    content = trained_models.fetch(stack_, job, folder / "content")
    return publish(workspace, stack_, content, job, report, runtime=runtime, area=area)


def publish(
    workspace: Workspace,
    stack_: Stack,
    content: Path,
    job: str,
    report: Progress,
    *,
    runtime: str = OPENVINO_INT8,
    area: str = RELEASES,
) -> Release:
    """Make a release of a trained model's folder: make what serves it, sign it off, upload and record it.

    Raises
    ------
    KennelError
        The model does not load.
    """
    from kennel.serving import model

    for path in content.iterdir():
        if path.name not in KEPT:  # a training's records; what lies in an archive is on the import path
            path.unlink() if path.is_file() else shutil.rmtree(path)
    photos, kind = compared_photos.read(stack_, job, content, report)
    signed = build.build(
        content,
        photos,
        kind=kind,
        runtime=runtime,
        source=workspace.package,
        report=report,
    )
    report(f"{signed.runtime}: {signed.reason}")
    (content / RECORD).write_text(json.dumps({"runtime": signed.runtime}))
    served = model.load(content)
    golden.write(content, served, stack_, job, report)
    report("measuring the time of one photo")
    latency = build.latency(served, golden.first(content))
    release = store(stack_["artifact_bucket"], content, job, report, area=area, latency=latency)
    if area == RELEASES:
        model_registry.register(stack_.outputs, release.as_dict(), report)
    return release


def store(
    bucket: str,
    content: Path,
    job: str,
    report: Progress,
    *,
    area: str,
    latency: dict[str, Any] | None = None,
) -> Release:
    """Upload a complete release, unless it is there already, and return what is recorded of it.

    Objects are written only where there is none, so that an interrupted upload continues and a finished one
    stays as it is.
    """
    release = _describe(bucket, content, job, area)
    try:
        recorded = find(bucket, release.id, area)
    except StackError:
        pass
    else:
        report(f"{release.id} was packaged before, on {recorded.created}")
        return recorded
    # Without its date and time: the same model is then the same archive, whenever it is packaged.
    described = {name: value for name, value in release.as_dict().items() if name not in _BESIDE}
    (content / RECORD).write_text(json.dumps(described, indent=2) + "\n")
    packed = release_archive.pack(content)
    release = replace(release, size=len(packed), latency=latency)
    report(f"uploading {release.id}")
    if not artifacts.put_once(release.model_data_url, packed):
        verify(release)  # an interrupted upload left it
    golden.upload(content, bucket, f"{area}/{release.id}/")
    # Last: the record's presence means that the release is complete.
    record = (json.dumps(release.as_dict(), indent=2) + "\n").encode()
    if not artifacts.put_once(f"s3://{bucket}/{area}/{release.id}/{RECORD}", record):
        return find(bucket, release.id, area)
    return release


def verify(release: Release) -> None:
    """Read a release's archive in S3 and compare its content with the digest that names the release.

    Raises
    ------
    StackError
        The archive holds something else.
    """
    bucket, key = artifacts.split(release.model_data_url)
    body = session.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    try:
        digest = release_archive.digest_in(body)
    finally:
        body.close()
    if digest != release.digest or release.id != release_archive.id_of(digest):
        raise StackError(
            f"{release.model_data_url} is not {release.id}: its content has the digest {digest[:12]}…; "
            "package another release, and find out who could write this one"
        )


def find(bucket: str, release_id: str, area: str = RELEASES) -> Release:
    """Return a release by its id.

    Raises
    ------
    StackError
        It is no release id, or there is no such release in the area.
    """
    if not re.fullmatch(r"r-[0-9a-f]{12}", release_id):
        raise StackError(f"not a release id: {release_id!r} (expected r- and twelve hexadecimal digits)")
    s3 = session.client("s3")
    try:
        response = s3.get_object(Bucket=bucket, Key=f"{area}/{release_id}/{RECORD}")
    except s3.exceptions.NoSuchKey as error:
        listing = "./kennel releases" + (" --candidates" if area == CANDIDATES else "")
        raise StackError(
            f"no release {release_id} below {area}/ in {bucket}: {listing} lists them"
        ) from error
    return Release(**json.loads(response["Body"].read()))


def everything(bucket: str, area: str = RELEASES) -> list[Release]:
    """Return all releases of an area, the newest first."""
    keys = [key for key in artifacts.objects(bucket, f"{area}/") if key.endswith(f"/{RECORD}")]
    releases = [find(bucket, key.split("/")[1], area) for key in keys]
    return sorted(releases, key=lambda release: release.created, reverse=True)


def newest(bucket: str) -> str:
    """Return the id of the release packaged last."""
    releases = everything(bucket)
    if not releases:
        raise StackError("nothing is packaged yet: run ./kennel package")
    return releases[0].id


def _describe(bucket: str, content: Path, job: str, area: str) -> Release:
    """Return the release that a folder's files make."""
    from kennel.classifier import learned

    digest = release_archive.digest_of(content)
    document = json.loads((content / "model.json").read_text())
    record, signed = content / learned.FILE, content / build.SIGN_OFF
    sign_off = json.loads(signed.read_text()) if signed.is_file() else None
    return Release(
        id=release_archive.id_of(digest),
        digest=digest,
        job=job,
        arch=document["arch"],
        classes=list(document["classes"]),
        metrics=json.loads((content / "metrics.json").read_text()),
        model_data_url=f"s3://{bucket}/{area}/{release_archive.id_of(digest)}/{ARCHIVE}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        learned=json.loads(record.read_text()) if record.is_file() else None,
        runtime=sign_off["runtime"] if sign_off else TORCH,
        input=build.input_of(content) if sign_off else None,
        sign_off=sign_off,
    )
