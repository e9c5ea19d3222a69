"""A training job's input channels: from S3 to a host's `/opt/ml/input/data`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from kennel.localcloud.runtime import storage

SDK_CHANNELS = ("code", "sm_drivers")  # what the SDK uploads to run a job: small, and rewritten on each host


def channels_of(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the input channels of CreateTrainingJob's parameters."""
    return parameters.get("InputDataConfig") or []


def download_channels(
    s3: Any, channels: list[dict[str, Any]], folder: Path, host: tuple[int, int], complete: Path | None = None
) -> None:
    """Fetch the channels of a host, each into a folder of its name.

    Parameters
    ----------
    s3
        The client, which signs as the training role.
    channels
        ``InputDataConfig``.
    folder
        The host's ``input/data``.
    host
        Its index, from 0, and the number of hosts: which share of a sharded channel it gets.
    complete
        The ``input/data`` of a host that has its channels: what both have whole is copied from there.

    Raises
    ------
    StorageError, ClientError
        Nothing is there, or the role may not read it.
    """
    for channel in channels:
        name, source = channel["ChannelName"], channel["DataSource"]["S3DataSource"]
        sharded = source.get("S3DataDistributionType") == "ShardedByS3Key"
        if complete and not sharded and name not in SDK_CHANNELS:
            shutil.copytree(complete / name, folder / name, dirs_exist_ok=True)
        else:
            _download_channel(s3, source, folder / name, host if sharded else (0, 1))


def _download_channel(s3: Any, source: dict[str, Any], folder: Path, share: tuple[int, int]) -> None:
    data_type, uri = source.get("S3DataType", "S3Prefix"), source["S3Uri"]
    if data_type == "S3Prefix":
        objects = storage.download(s3, uri, folder, share)
    elif data_type == "ManifestFile":
        objects = storage.download_manifest(s3, uri, folder, share)
    else:
        raise storage.StorageError(f"the local cloud reads no channels of type {data_type}: use S3Prefix")
    if not objects:
        raise storage.StorageError(
            f'No S3 objects found under S3 URL "{uri}" given in input data source. '
            "Please ensure that the bucket exists and that objects exist under that S3 prefix."
        )


def remove_channels(channels: list[dict[str, Any]], folder: Path) -> None:
    """Remove what S3 has: all channels below `folder` but the SDK's scripts, which explain the job."""
    for channel in channels:
        if channel["ChannelName"] not in SDK_CHANNELS:
            shutil.rmtree(folder / channel["ChannelName"], ignore_errors=True)
