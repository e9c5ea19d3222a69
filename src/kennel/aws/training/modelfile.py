"""Reads the records of a training from a model archive in S3 without keeping the weights."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

from kennel.aws import StackError, artifacts, session

MAXIMUM_RECORD_BYTES = 1024 * 1024
_MAXIMUM_RECORDS_BYTES = 64 * MAXIMUM_RECORD_BYTES
_RECORDS = (".json", ".csv")


def metrics_of(uri: str) -> dict[str, Any]:
    """Return ``metrics.json`` of a model archive; an empty dictionary where there is none."""
    return documents_of(uri, "metrics.json").get("metrics.json", {})


def documents_of(uri: str, *names: str) -> dict[str, dict[str, Any]]:
    """Return JSON documents at the top of a model archive by their names, those that are there.

    The archive is read as a stream, up to the end of the last of them.
    """
    if not uri.endswith(".tar.gz"):
        return {}
    documents: dict[str, dict[str, Any]] = {}
    bucket, key = artifacts.split(uri)
    body = session.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    try:
        with tarfile.open(fileobj=body, mode="r|gz") as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if name in names and member.size <= MAXIMUM_RECORD_BYTES:
                    file = archive.extractfile(member)
                    documents[name] = json.load(file) if file else {}
                    if len(documents) == len(names):
                        break
    except (tarfile.TarError, ValueError, EOFError):
        return {}  # not an archive of this project's training script
    finally:
        body.close()
    return documents


def save_records(uri: str, folder: Path) -> None:
    """Save the tables and documents at the top of a model archive in a folder.

    Raises
    ------
    StackError
        The archive cannot be read, or its records are larger than those of any training.
    """
    bucket, key = artifacts.split(uri)
    body = session.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    try:
        with tarfile.open(fileobj=body, mode="r|gz") as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                file = archive.extractfile(member) if name.endswith(_RECORDS) and "/" not in name else None
                if file is None:
                    continue
                total += member.size
                if total > _MAXIMUM_RECORDS_BYTES:
                    raise StackError(f"{uri}: more than {_MAXIMUM_RECORDS_BYTES >> 20} MiB of records")
                (folder / name).write_bytes(file.read())
    except (tarfile.TarError, EOFError) as error:
        raise StackError(f"{uri} is not a readable archive: {error}") from error
    finally:
        body.close()
