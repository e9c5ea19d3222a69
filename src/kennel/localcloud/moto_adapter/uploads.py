"""moto's multipart uploads, which it finds by their id alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.s3.models import s3_backends

from kennel.localcloud import ACCOUNT_ID


def key_of_upload(bucket: str, upload_id: str) -> str | None:
    """Return the key of the object that an upload is for; None if there is no such upload."""
    record = s3_backends[ACCOUNT_ID]["aws"].buckets.get(bucket)
    upload = record.multiparts.get(upload_id) if record else None
    return str(upload.key_name) if upload else None


def part_content(part: Any) -> Iterator[bytes]:
    """Yield the content of a part, in pieces."""
    pieces: Iterator[bytes] = part._value_buffer.view.chunks()
    return pieces
