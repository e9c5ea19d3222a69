"""The validation photos of the data set that a job learnt from: what a release is compared on."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from kennel.aws import Progress, artifacts, session
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.training import hosts
from kennel.packaging import Photo

MOST = 1000
"""Photos that are compared: with as many, 0.1 points are one photo."""
_PARALLEL = 16


def data_of(stack: Stack, job: str) -> tuple[str, str] | None:
    """Return bucket and prefix of the data set that a job learnt from; None if that is not known."""
    from botocore.exceptions import ClientError

    try:
        description = session.client("sagemaker").describe_training_job(TrainingJobName=job)
    except ClientError:  # no training job of this name: a training on the host, or none at all
        record = hosts.record_of(stack, job)
        uri = record.get("data") if record else None
    else:
        channels = {channel["ChannelName"]: channel for channel in description.get("InputDataConfig", [])}
        source = channels.get("training", {}).get("DataSource", {}).get("S3DataSource", {})
        uri = source.get("S3Uri")
    if not uri:
        return None
    bucket, prefix = artifacts.split(uri)
    return bucket, f"{prefix.rstrip('/')}/"


def keys(data: tuple[str, str]) -> dict[str, int]:
    """Return the keys of the validation photos that the application reads, in order, with their bytes."""
    from kennel.classifier.data.formats import DIRECT_SUFFIXES

    bucket, prefix = data
    return {
        key: int(entry["Size"])
        for key, entry in sorted(artifacts.objects(bucket, f"{prefix}valid/").items())
        if PurePosixPath(key).suffix.lower() in DIRECT_SUFFIXES and entry["Size"] > 0
    }


def read(stack: Stack, job: str, classes: Sequence[str], report: Progress) -> list[Photo]:
    """Return at most `MOST` validation photos that lie apart, with their classes; none if there are none.

    Parameters
    ----------
    classes
        The model's classes: a photo is in the folder of its own.
    """
    data = data_of(stack, job)
    found = list(keys(data)) if data else []
    if not data or not found:
        return []
    taken = [found[index * len(found) // MOST] for index in range(MOST)] if len(found) > MOST else found
    report(f"reading {len(taken)} validation photos of {job}")
    labels = {name: label for label, name in enumerate(classes)}
    s3 = session.client("s3")

    def photo(key: str) -> Photo:
        content = s3.get_object(Bucket=data[0], Key=key)["Body"].read()
        return Photo(content, labels.get(PurePosixPath(key).parent.name))

    with ThreadPoolExecutor(_PARALLEL) as pool:
        return list(pool.map(photo, taken))
