"""Candidates: what a notebook packaged. Somebody who may write releases makes a release of one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from kennel.aws import Progress, StackError, artifacts, model_registry, silent
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import compared_photos, golden, release_archive, releases, trained_models
from kennel.aws.release.releases import CANDIDATES, RELEASES, Release
from kennel.aws.session import Workspace
from kennel.packaging import build, vendor
from kennel.serving import staging, vendored

# All that a release has; the endpoint has the archive's folder on its import path.
_EXPECTED = {
    *(*releases.KEPT, "graph.xml", "graph.bin", "config.yaml", build.SIGN_OFF, release_archive.RECORD),
    *(staging.CODE, golden.FOLDER, vendored.FOLDER),
}
_PHOTOS = (".jpg", ".jpeg", ".png", ".webp")


def promote(
    workspace: Workspace, stack: Stack, candidate_id: str, progress: Progress | None = None
) -> Release:
    """Copy a candidate to the releases, where nobody can change it; the release has the candidate's id.

    Nothing that the notebook wrote is believed: the content must have the digest that the id names, what runs
    must be this checkout's code and the pinned wheels, and the answers must be those of the job's model.

    Raises
    ------
    KennelError
        There is no such candidate, or it is not what it should be.
    """
    report = progress or silent
    bucket = stack["artifact_bucket"]
    candidate = releases.find(bucket, candidate_id, CANDIDATES)
    folder = workspace.build / "release"
    shutil.rmtree(folder, ignore_errors=True)
    report(f"fetching {candidate_id}")
    address = f"s3://{bucket}/{CANDIDATES}/{candidate_id}/{releases.ARCHIVE}"
    archive = artifacts.download(address, folder / "candidate.tar.gz")
    content = release_archive.unpack(archive, folder / "content")
    archive.unlink()
    digest = release_archive.digest_of(content)
    if release_archive.id_of(digest) != candidate_id:
        raise StackError(
            f"{address} is not {candidate_id}: its content has the digest {digest[:12]}…; package it again"
        )
    _require_own_files(workspace, content, folder / "staged", candidate)
    report(f"comparing it with the model of {candidate.job}")
    sign_again(stack, content, candidate.job, folder / "trained", report)
    from kennel.serving import model

    served = model.load(content)
    golden.renew(content, served)
    latency = build.latency(served, golden.first(content))
    release = releases.store(bucket, content, candidate.job, report, area=RELEASES, latency=latency)
    model_registry.register(stack.outputs, release.as_dict(), report)
    return release


def sign_again(stack: Stack, content: Path, job: str, trained: Path, report: Progress) -> None:
    """Write the sign-off and the record of a candidate anew, by comparing it with the model of its job.

    Raises
    ------
    KennelError
        There is no such model, or the candidate answers otherwise.
    """
    trained_models.fetch(stack, job, trained)
    photos, kind = compared_photos.read(stack, job, trained, report)
    signed = build.sign_again(content, build.measure(trained, photos, kind))
    (content / release_archive.RECORD).write_text(json.dumps({"runtime": signed.runtime}))


def _require_own_files(workspace: Workspace, content: Path, staged: Path, candidate: Release) -> None:
    """Refuse what this checkout would not put into a release: an endpoint is going to run it."""
    staged.mkdir()
    torch = (content / build.WEIGHTS).is_file()
    staging.stage(staged, classifier=torch, source=workspace.package)
    again = (
        "check out the version that the notebook had, or package its model with this code: "
        f"./kennel package --job {candidate.job}"
    )
    if release_archive.digest_of(content / staging.CODE) != release_archive.digest_of(
        staged / staging.CODE
    ) or ((content / "config.yaml").read_bytes() != (staged / "config.yaml").read_bytes()):
        raise StackError(f"the code in {candidate.id} is not that of this checkout: {again}")
    if not torch:
        vendor.require_pinned(content)
    names = {path.name for path in content.iterdir()}
    photos = [path for path in (content / golden.FOLDER).rglob("*") if path.name != golden.LOGITS]
    strange = sorted(names - _EXPECTED) + [
        path.name for path in photos if path.suffix not in _PHOTOS or not path.is_file()
    ]
    if strange:
        raise StackError(f"{candidate.id} holds {strange[0]}, which no release has: {again}")
