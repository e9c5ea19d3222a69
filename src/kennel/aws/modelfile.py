"""A look into a model archive in S3, without fetching all of it."""

from __future__ import annotations

import json
import tarfile
from typing import Any

from kennel.aws import artifacts, session

LARGEST_RECORD = 1024 * 1024


def metrics_of(uri: str) -> dict[str, Any]:
    """Return ``metrics.json`` of a model archive; empty where there is none.

    The archive is read as it comes and let go as soon as the file is found.
    """
    if not uri.endswith(".tar.gz"):
        return {}
    bucket, key = artifacts.split(uri)
    body = session.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    try:
        with tarfile.open(fileobj=body, mode="r|gz") as archive:
            for member in archive:
                if member.name.removeprefix("./") == "metrics.json" and member.size <= LARGEST_RECORD:
                    file = archive.extractfile(member)
                    document: dict[str, Any] = json.load(file) if file else {}
                    return document
    except (tarfile.TarError, ValueError, EOFError):
        return {}  # not of our training script's making
    finally:
        body.close()
    return {}
