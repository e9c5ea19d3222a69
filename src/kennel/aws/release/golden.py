"""Golden photos: a few photos in every release, with the logits that its model gave when it was packaged.

They are in the archive's folder ``golden`` and beside the archive, so that a deployment compares what the
endpoint answers without unpacking the model.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from kennel.aws import Progress, StackError, artifacts, session
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import validation_photos
from kennel.packaging import PATTERNS, Photo

FOLDER = "golden"
LOGITS = "logits.json"
COUNT = 3
# Lambda limits a synchronous payload to 6 MB, and base64 encodes 3 bytes as 4.
LARGEST_BYTES = 4_400_000
_PATTERN_SIDE = 64  # pixels


class Answers(Protocol):
    """What answers a photo: `kennel.serving.model.Model`."""

    def logits(self, picture: bytes) -> list[float]:
        """Return one logit per class."""


@dataclass(frozen=True)
class GoldenPhoto:
    """One photo, and the logits that it must give.

    Parameters
    ----------
    content
        The photo as it is encoded: JPEG, PNG or WebP.
    logits
        One float per class, in the order of the release's classes.
    """

    name: str
    content: bytes
    logits: list[float]


def write(folder: Path, model: Answers, stack: Stack, job: str, report: Progress) -> None:
    """Put golden photos into a model's folder: validation photos of the job's data set, else test patterns.

    Parameters
    ----------
    model
        The release's model in its runtime, which gives the logits.
    job
        The training job or the training on the host that the model comes from.
    """
    data = validation_photos.data_of(stack, job)
    photos = _answered(_validation_photos(data) if data else iter(()), model)
    source = f"{data[1]}valid/" if data and photos else PATTERNS
    if source == PATTERNS:
        report(f"no validation photo of {job} is at hand: three {PATTERNS} are the golden photos")
        photos = _answered(patterns(), model)
    target = folder / FOLDER
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for photo in photos:
        (target / photo.name).write_bytes(photo.content)
    logits = {photo.name: photo.logits for photo in photos}
    (target / LOGITS).write_text(json.dumps({"source": source, "logits": logits}) + "\n")


def renew(folder: Path, model: Answers) -> None:
    """Write the logits of a candidate's golden photos anew: they are not part of the digest that names it.

    Raises
    ------
    StackError
        It has no golden photos.
    """
    target = folder / FOLDER
    names = sorted(path.name for path in target.glob("*") if path.name != LOGITS)
    if not names:
        raise StackError("the candidate has no golden photos: package the model of its job with --job")
    logits = {name: model.logits((target / name).read_bytes()) for name in names}
    (target / LOGITS).write_text(json.dumps({"source": "the candidate", "logits": logits}) + "\n")


def pattern_photos() -> list[Photo]:
    """Return the test patterns as photos without a class."""
    return [Photo(pattern) for _, pattern in patterns()]


def first(folder: Path) -> bytes:
    """Return the first golden photo of a model's folder."""
    return min(path for path in (folder / FOLDER).iterdir() if path.name != LOGITS).read_bytes()


def upload(folder: Path, bucket: str, prefix: str) -> None:
    """Upload the golden photos of a model's folder below ``prefix``, which ends with a slash.

    What is there already stays: a release is written once.
    """
    for path in sorted((folder / FOLDER).iterdir()):
        artifacts.put_once(f"s3://{bucket}/{prefix}{FOLDER}/{path.name}", path.read_bytes())


def read(model_data_url: str) -> list[GoldenPhoto]:
    """Return the golden photos beside a release's archive; none if it was packaged without them."""
    bucket, key = artifacts.split(model_data_url)
    prefix, s3 = f"{key.rpartition('/')[0]}/{FOLDER}/", session.client("s3")

    def content(name: str) -> bytes:
        body: bytes = s3.get_object(Bucket=bucket, Key=prefix + name)["Body"].read()
        return body

    try:
        document = json.loads(content(LOGITS))
    except s3.exceptions.NoSuchKey:
        return []
    return [GoldenPhoto(name, content(name), logits) for name, logits in document["logits"].items()]


def _validation_photos(data: tuple[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield suffix and bytes of validation photos: some that lie far apart, then the others."""
    bucket, _ = data
    keys = [key for key, size in validation_photos.keys(data).items() if size <= LARGEST_BYTES]
    apart = [keys[index * (len(keys) - 1) // (COUNT - 1)] for index in range(COUNT)] if keys else []
    for key in dict.fromkeys([*apart, *keys]):
        content = session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        yield PurePosixPath(key).suffix.lower(), content


def _answered(photos: Iterator[tuple[str, bytes]], model: Answers) -> list[GoldenPhoto]:
    """Return the first photos that the model can read, with its logits."""
    from kennel.pictures import PictureError

    answered: list[GoldenPhoto] = []
    for suffix, content in photos:
        try:
            logits = model.logits(content)
        except PictureError:
            continue
        answered.append(GoldenPhoto(f"{len(answered)}{suffix}", content, logits))
        if len(answered) == COUNT:
            break
    return answered


def patterns() -> Iterator[tuple[str, bytes]]:
    """Yield three pictures that are computed, the same bytes on every machine."""
    import numpy as np
    from PIL import Image

    row, column = np.mgrid[0:_PATTERN_SIDE, 0:_PATTERN_SIDE]
    gradient = np.stack([row * 4, column * 4, (row + column) * 2], axis=-1)
    board = np.stack([(row // 8 + column // 8) % 2 * 200, row * 2, 255 - column * 3], axis=-1)
    rings = np.stack([(row - 32) ** 2 + (column - 32) ** 2, row * column, row ^ column], axis=-1)
    for pixels in (gradient, board, rings):
        encoded = io.BytesIO()
        # Without compression: its bytes would depend on the version of zlib.
        Image.fromarray((pixels % 256).astype(np.uint8)).save(encoded, "PNG", compress_level=0)
        yield ".png", encoded.getvalue()
