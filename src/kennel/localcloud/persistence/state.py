"""A cloud's whole state, to and from a pickle."""

from __future__ import annotations

import pickle
from typing import IO, Any

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.moto_adapter import backends
from kennel.localcloud.persistence.pickling import StatePickler, restoring


class _Nowhere:
    def write(self, content: Any) -> int:
        return len(content)


def dump(cloud: Cloud, file: IO[bytes]) -> list[str]:
    """Write a cloud's state.

    Parameters
    ----------
    cloud
        The cloud. Nothing else may change it meanwhile.
    file
        Where to; it must be seekable.

    Returns
    -------
    The services of moto's that could not be kept, by name: their state is left out.

    Raises
    ------
    Exception
        Whatever a service's store, or a service that others refer to, raises.
    """
    states, stores = backends.service_states(), cloud.kept_stores()
    start = file.tell()
    try:
        _dump(file, states, stores, set())
    except Exception:
        unfit = {place for place, state in states.items() if not _fits(place, state)}
        if not unfit:
            raise
        file.seek(start)
        file.truncate()
        kept = {place: state for place, state in states.items() if place not in unfit}
        _dump(file, kept, stores, unfit)
        return sorted(backends.service_name(place) for place in unfit)
    return []


def load(cloud: Cloud, file: IO[bytes]) -> None:
    """Take a written state for the state of a cloud and of moto.

    Raises
    ------
    Exception
        Whatever unpickling raises: the file is damaged, or of other versions.
    """
    with restoring(cloud):
        states, stores = pickle.load(file)  # noqa: S301 - the caller checked that only this user can write it
    backends.install(states)
    cloud.restore_stores(stores)


def _dump(
    file: IO[bytes], states: dict[backends.Place, Any], stores: list[Any], left_out: set[backends.Place]
) -> None:
    StatePickler(file, left_out).dump((states, stores))


def _fits(place: backends.Place, state: Any) -> bool:
    """Whether a service can be pickled by itself."""
    try:
        _dump(_Nowhere(), {place: state}, [], set())  # type: ignore[arg-type] # it only writes
    except Exception:  # noqa: BLE001 - the question is whether it raises
        return False
    return True
