"""Pickling a cloud's state: moto's objects, the services' stores, and the locks and keys that they hold."""

from __future__ import annotations

import threading
import types
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import IO, Any

import cloudpickle
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from kennel.localcloud.clock import Clock
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.moto_adapter import backends

Reduction = tuple[Any, ...]
_restoring: list[Cloud] = []  # the cloud that a snapshot is being read for


class StatePickler(cloudpickle.Pickler):
    """Pickles what moto and the services hold; cloudpickle adds functions defined within functions.

    Locks, conditions and events are made anew. The cloud, its clock and moto's dictionaries of backends are
    references.

    Parameters
    ----------
    file
        Where the pickle goes.
    left_out
        Services of moto's that are not kept.
    """

    def __init__(self, file: IO[bytes], left_out: set[backends.Place]) -> None:
        super().__init__(file)
        self._left_out = left_out

    def reducer_override(self, value: Any) -> Any:
        """Return how an object is pickled that cannot be by itself."""
        kind: Any = type(value)
        reduce = _reducer(kind)
        reduction = reduce(value, self._left_out) if reduce else None
        return super().reducer_override(value) if reduction is None else reduction


Reducer = Callable[[Any, set[backends.Place]], "Reduction | None"]


@cache
def _reducer(kind: Any) -> Reducer | None:
    """Return what reduces objects of a class, if pickle does not."""
    simple = _SIMPLE.get(kind)
    if simple:
        return lambda value, left_out: simple(value)
    if issubclass(kind, backends.REFERRED):
        return backends.reduce
    if kind.__module__.startswith("cryptography."):
        return lambda value, left_out: _reduce_key(value)
    if issubclass(kind, defaultdict) and kind is not defaultdict:
        return lambda value, left_out: _reduce_mapping(value)
    if issubclass(kind, (type, types.FunctionType)):
        return None
    return lambda value, left_out: NotImplemented  # as pickle itself does


def _reduce_key(value: Any) -> Reduction:
    """Reduce a private key, a public key or a certificate; the classes belong to a private module."""
    pem = serialization.Encoding.PEM
    if hasattr(value, "private_bytes"):
        plain = serialization.NoEncryption()
        encoded = value.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        return _private_key, (encoded,)
    if isinstance(value, x509.Certificate):
        return _certificate, (value.public_bytes(pem),)
    encoded = value.public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    return _public_key, (encoded,)


# Functions of cryptography's cannot be pickled by their names.
def _private_key(pem: bytes) -> Any:
    return serialization.load_pem_private_key(pem, None)


def _public_key(pem: bytes) -> Any:
    return serialization.load_pem_public_key(pem)


def _certificate(pem: bytes) -> Any:
    return x509.load_pem_x509_certificate(pem)


def _reduce_mapping(value: defaultdict[Any, Any]) -> Reduction:
    """Reduce an object of moto's own class of dictionaries: its constructor takes other arguments."""
    return _mapping, (type(value), value.default_factory), vars(value), None, iter(value.items())


def _mapping(kind: type[defaultdict[Any, Any]], factory: Callable[[], Any] | None) -> Any:
    mapping = kind.__new__(kind)
    mapping.default_factory = factory
    return mapping


def _event(is_set: bool) -> threading.Event:
    event = threading.Event()
    if is_set:
        event.set()
    return event


def _restored_cloud(region: str) -> Cloud:
    return _restoring[-1].in_region(region)


def _restored_clock() -> Clock:
    return _restoring[-1].clock


@contextmanager
def restoring(cloud: Cloud) -> Iterator[None]:
    """Let references to the cloud in a pickle lead to this one."""
    _restoring.append(cloud)
    try:
        yield
    finally:
        _restoring.pop()


_SIMPLE: dict[type[Any], Callable[[Any], Reduction]] = {
    Cloud: lambda value: (_restored_cloud, (value.region,)),
    Clock: lambda value: (_restored_clock, ()),
    type(threading.Lock()): lambda value: (threading.Lock, ()),
    type(threading.RLock()): lambda value: (threading.RLock, ()),
    threading.Condition: lambda value: (threading.Condition, ()),
    threading.Event: lambda value: (_event, (value.is_set(),)),
    weakref.WeakValueDictionary: lambda value: (weakref.WeakValueDictionary, (dict(value),)),
}
