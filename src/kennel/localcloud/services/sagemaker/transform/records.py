"""A file of a transform job as the requests that the model gets, and their answers as one file.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence

MOST_MB = 6  # of a request, where the job gives no MaxPayloadInMB


class PayloadError(Exception):
    """A record is larger than a request may be; the text says so."""


def requests(content: bytes, split: str, strategy: str, most_bytes: int) -> Iterator[bytes]:
    """Yield the bodies of the requests for one file.

    Parameters
    ----------
    content
        The file's.
    split
        ``None``: the whole file is a request. ``Line``: each line is a record.
    strategy
        ``SingleRecord``: each record is a request. ``MultiRecord``: as many records as there is place for.
    most_bytes
        The longest request.

    Raises
    ------
    PayloadError
        A record is longer.
    """
    if split != "Line":
        yield _checked(content, most_bytes)
        return
    batch = b""
    for line in content.splitlines(keepends=True):
        _checked(line, most_bytes)
        if batch and (strategy != "MultiRecord" or len(batch) + len(line) > most_bytes):
            yield batch
            batch = b""
        batch += line
    if batch:
        yield batch


def _checked(record: bytes, most_bytes: int) -> bytes:
    if len(record) > most_bytes:
        raise PayloadError(f"a record has {len(record)} bytes, MaxPayloadInMB allows {most_bytes}")
    return record


def assembled(answers: Sequence[bytes], assemble: str) -> bytes:
    """Return the answers as one file: one after another, or each on a line of its own."""
    if assemble != "Line":
        return b"".join(answers)
    return b"".join(answer if answer.endswith(b"\n") else answer + b"\n" for answer in answers)


def unpacked(content: bytes, compression: str) -> bytes:
    """Return a file's content, unpacked if it is a gzip.

    Raises
    ------
    OSError, EOFError
        It is none.
    """
    return gzip.decompress(content) if compression == "Gzip" else content
