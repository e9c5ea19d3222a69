"""The checksums of S3's objects: their algorithms, and what requests may say of them.

Sources: S3 user guide, "Checking object integrity for data uploads"; S3 API reference, PutObject.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Any, Protocol

from kennel.localcloud.protocol.messages import AwsError, Environ

CHECKSUM = "x-amz-checksum-"
SDK_ALGORITHM = "HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM"
# By S3's name: the name of the catalogue of CRCs, and the length in bytes.
CRCS = {"CRC32": ("CRC32", 4), "CRC32C": ("CRC32-ISCSI", 4), "CRC64NVME": ("CRC64-NVME", 8)}
HASHES = ("SHA1", "SHA256", "SHA512", "MD5")
ALGORITHMS = (*CRCS, *HASHES)
DEFAULT = "CRC64NVME"  # the algorithm of an object's checksum that its request does not have
REFUSED = ("XXHASH64", "XXHASH3", "XXHASH128")
PREFIX = "HTTP_X_AMZ_CHECKSUM_"
VALUE = re.compile(rf"{PREFIX}({'|'.join((*ALGORITHMS, *REFUSED))})")


class _Digest(Protocol):
    """A checksum that grows, as those of hashlib."""

    def update(self, content: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


@functools.cache  # which computes its tables
def _model(name: str) -> Any:
    import anycrc

    return anycrc.Model(name)


class _Crc:
    def __init__(self, name: str) -> None:
        model, self._length = CRCS[name]
        self._model = _model(model)
        self._value: int = self._model.calc(b"")

    def update(self, content: bytes) -> None:
        self._value = self._model.calc(content, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._length, "big")


def digest_of(algorithm: str, chunks: Iterable[bytes]) -> bytes:
    """Return the checksum of a content that comes in chunks, by one of `ALGORITHMS`."""
    digest: _Digest = (
        _Crc(algorithm) if algorithm in CRCS else hashlib.new(algorithm.lower(), usedforsecurity=False)
    )
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()


def check_algorithms(environ: Environ) -> None:
    """Refuse algorithms that there are not, or not here.

    Raises
    ------
    AwsError
        ``NotImplemented`` for those of S3 that are not computed here, ``InvalidRequest`` for others.
    """
    names = [environ.get(SDK_ALGORITHM), environ.get("HTTP_X_AMZ_CHECKSUM_ALGORITHM"), *values_of(environ)]
    valid = ", ".join(ALGORITHMS)
    for name in filter(None, names):
        if name.upper() in REFUSED:
            message = f"The local cloud does not compute {name.upper()} checksums: use one of {valid}."
            raise AwsError("NotImplemented", message, 501)
        if name.upper() not in ALGORITHMS:
            raise AwsError(
                "InvalidRequest",
                "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
                f"[{valid}]",
            )


def check_content(environ: Environ, content: bytes) -> str | None:
    """Compare the checksum that a request has with its content, and return its algorithm.

    Raises
    ------
    AwsError
        ``BadDigest`` if they differ, ``InvalidRequest`` for a value that is none, and for several.
    """
    values = values_of(environ)
    if len(values) > 1:
        raise AwsError(
            "InvalidRequest",
            f"Expecting a single {CHECKSUM} header. Multiple checksum Types are not allowed.",
        )
    for algorithm, text in values.items():
        computed = digest_of(algorithm, [content])
        value = decoded(text)
        if value is None or len(value) != len(computed):
            raise AwsError("InvalidRequest", f"Value for {CHECKSUM}{algorithm.lower()} header is invalid.")
        if not hmac.compare_digest(value, computed):
            raise AwsError(
                "BadDigest", f"The {algorithm} you specified did not match the calculated checksum."
            )
        return algorithm
    return None


def decoded(text: str) -> bytes | None:
    """Return what Base64 stands for, None if it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def values_of(environ: Environ) -> dict[str, str]:
    """Return the checksums that a request has, in Base64, by their algorithms."""
    named = [(name, value) for name, value in environ.items() if name.startswith(PREFIX)]
    matches = ((VALUE.fullmatch(name), value) for name, value in named)
    return {match[1]: value for match, value in matches if match and value is not None}
