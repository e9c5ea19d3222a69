"""The source code as one archive in the artifact bucket, for the notebook instance and the training host."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from kennel.aws import session
from kennel.aws.infrastructure.stack import Stack

KEY = "source/kennel.tar.gz"  # the start scripts of notebook instance and training host fetch this key
CONTENTS = (
    "bootstrap",
    "ec2",
    "kennel",
    "notebooks",
    "pyproject.toml",
    "requirements-uv.txt",
    "requirements.txt",
    "src",
    "tasks.py",
)
EXCLUDED = Path("src/kennel/sample_photos")  # draws photos for rehearsals and tests


def pack(root: Path) -> bytes:
    """Return the checkout as a tar.gz that has the same bytes whenever it has the same content."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for path in sorted(_files(root)):
            entry = tarfile.TarInfo(path.relative_to(root).as_posix())
            content = path.read_bytes()
            entry.size, entry.mode = len(content), 0o755 if path.stat().st_mode & 0o100 else 0o644
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def publish(root: Path, stack: Stack, key: str = KEY) -> dict[str, str | int]:
    """Upload the checkout as it is now.

    Returns
    -------
    dict
        ``uri, digest, bytes``.
    """
    content = pack(root)
    session.client("s3").put_object(Bucket=stack["artifact_bucket"], Key=key, Body=content)
    return {
        "uri": f"s3://{stack['artifact_bucket']}/{key}",
        "digest": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }


def _files(root: Path) -> Iterator[Path]:
    for name in CONTENTS:
        top = root / name
        for path in (top,) if top.is_file() else top.rglob("*"):
            if path.is_file() and not _is_excluded(path.relative_to(root)):
                yield path


def _is_excluded(path: Path) -> bool:
    generated = path.suffix == ".pyc" or "__pycache__" in path.parts
    hidden = any(name.startswith(".") for name in path.parts)
    return generated or hidden or path.is_relative_to(EXCLUDED)
