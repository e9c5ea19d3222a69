"""Candidates: what a notebook packaged. Somebody who may write releases makes a release of one."""

from __future__ import annotations

import shutil
from pathlib import Path

from kennel.aws import Progress, StackError, artifacts, golden, release_archive, releases, silent
from kennel.aws.releases import CANDIDATES, RELEASES, Release
from kennel.aws.session import Workspace
from kennel.aws.stack import Stack


def promote(
    workspace: Workspace, stack: Stack, candidate_id: str, progress: Progress | None = None
) -> Release:
    """Copy a candidate to the releases, where nobody can change it; the release has the candidate's id.

    Nothing that the notebook wrote is believed: the content must have the digest that the id names, the model
    must load, and the code must be that of this checkout.

    Raises
    ------
    KennelError
        There is no such candidate, or it is not what it should be.
    """
    from kennel.classifier import inference

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
    _require_own_code(workspace, content / "code", folder / "code", candidate)
    report(f"loading the model of {candidate.job}")
    golden.renew(content, inference.load(content))
    return releases.store(bucket, content, candidate.job, report, area=RELEASES)


def _require_own_code(workspace: Workspace, code: Path, staged: Path, candidate: Release) -> None:
    """Refuse code that this checkout would not put into a release: an endpoint is going to run it."""
    artifacts.stage_classifier(workspace.root, staged, releases.ENTRY)
    if release_archive.digest_of(code) != release_archive.digest_of(staged):
        raise StackError(
            f"the code in {candidate.id} is not that of this checkout: check out the version that the "
            f"notebook had, or package its model with this code: ./kennel package --job {candidate.job}"
        )
