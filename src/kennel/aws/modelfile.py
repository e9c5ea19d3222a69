"""Reads the metrics from a model archive in S3 without downloading all of it."""

from __future__ import annotations

import json
import tarfile
from typing import Any

from kennel.aws import artifacts, session

MAXIMUM_RECORD_BYTES = 1024 * 1024


def metrics_of(uri: str) -> dict[str, Any]:
    """Return ``metrics.json`` of a model archive; an empty dictionary where there is none.

    The archive is read as a stream, up to the end of that file.
    """
    if not uri.endswith(".tar.gz"):
        return {}
    bucket, key = artifacts.split(uri)
    body = session.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    try:
        with tarfile.open(fileobj=body, mode="r|gz") as archive:
            for member in archive:
                if member.name.removeprefix("./") == "metrics.json" and member.size <= MAXIMUM_RECORD_BYTES:
                    file = archive.extractfile(member)
                    document: dict[str, Any] = json.load(file) if file else {}
                    return document
    except (tarfile.TarError, ValueError, EOFError):
        return {}  # not an archive of this project's training script
    finally:
        body.close()
    return {}
