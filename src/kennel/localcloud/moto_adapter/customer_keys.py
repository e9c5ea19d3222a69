"""Keys of customers (SSE-C) with moto's S3 objects and uploads: a salted digest of each, never the key."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

ATTRIBUTE = "customer_key"  # of moto's record of an object or an upload
SALT_BYTES = 32


@dataclass(frozen=True)
class KeyDigest:
    """What tells whether a key is the one that something was written with."""

    salt: bytes
    digest: bytes

    def matches(self, key: bytes) -> bool:
        """Whether this is a key's."""
        return hmac.compare_digest(self.digest, _digest(self.salt, key))


def digest_of(key: bytes) -> KeyDigest:
    """Return the digest of a key, with a salt of its own."""
    salt = secrets.token_bytes(SALT_BYTES)
    return KeyDigest(salt, _digest(salt, key))


def digest_with(record: Any) -> KeyDigest | None:
    """Return the digest that an object, an upload or a delete marker has; None without a customer's key."""
    digest: KeyDigest | None = getattr(record, ATTRIBUTE, None)
    return digest


def keep(record: Any, digest: KeyDigest) -> None:
    """Note a key's digest with an upload."""
    setattr(record, ATTRIBUTE, digest)


_of_new_objects: ContextVar[KeyDigest | None] = ContextVar("of_new_objects", default=None)


@contextmanager
def new_objects_with(digest: KeyDigest | None) -> Iterator[None]:
    """Give the objects that moto makes meanwhile a key's digest: none of them is ever there without it."""
    token = _of_new_objects.set(digest)
    try:
        yield
    finally:
        _of_new_objects.reset(token)


def mark(record: Any) -> None:
    """Give a new object the digest of `new_objects_with`; no other encryption is its own then."""
    digest = _of_new_objects.get()
    if digest is not None:
        keep(record, digest)
        record.encryption = record.kms_key_id = record.bucket_key_enabled = None


def _digest(salt: bytes, key: bytes) -> bytes:
    return hmac.digest(salt, key, hashlib.sha256)
