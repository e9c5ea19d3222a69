"""All of moto's state: its backends, one for each service, account and region."""

from __future__ import annotations

import importlib
from typing import Any

from moto.core.base_backend import AccountSpecificBackend, BackendDict, BaseBackend

# What moto itself sets on each of its dictionaries of backends; whatever else is there is state.
_CONFIGURATION = {"backend", "service_name", "_use_boto3_regions", "_additional_regions", "_id"}

Place = tuple[
    str, str
]  # the module and the name of a dictionary of backends, e.g. moto.s3.models, s3_backends


def service_states() -> dict[Place, dict[str, Any]]:
    """Return the state of every service that was used, by the place of its backends."""
    return {
        place_of(backends): {
            "extra": {name: value for name, value in vars(backends).items() if name not in _CONFIGURATION},
            "accounts": {account: dict(regions.items()) for account, regions in list(backends.items())},
        }
        for backends in used_services()
    }


def used_services() -> list[Any]:
    """Return moto's dictionaries of backends of the services that were used."""
    every: Any = BackendDict  # generic to a type checker: its class attributes are ambiguous then
    return list(every._instances)


def install(states: dict[Place, dict[str, Any]]) -> None:
    """Replace the backends of these services."""
    for place, state in states.items():
        backends = backends_at(place)
        vars(backends).update(state["extra"])
        for account, regions in state["accounts"].items():
            for region, backend in regions.items():
                backends[account][region] = backend


def place_of(backends: BackendDict[Any]) -> Place:
    """Return where moto defines a service's backends."""
    module = backends.backend.__module__
    while module != "moto":
        for name, value in vars(importlib.import_module(module)).items():
            if value is backends:
                return module, name
        module = module.rpartition(".")[0]
    raise LookupError(f"moto's backends of {backends.service_name} have no name")


def backends_at(place: Place) -> Any:
    """Return the backends of a service by their place."""
    return getattr(importlib.import_module(place[0]), place[1])


def service_name(place: Place) -> str:
    """Return moto's name of a service."""
    name: str = backends_at(place).service_name
    return name


REFERRED = (BackendDict, AccountSpecificBackend, BaseBackend)


def reduce(value: Any, left_out: set[Place]) -> tuple[Any, ...] | None:
    """Return how a reference to moto's backends is pickled; None leaves it to pickle.

    Parameters
    ----------
    value
        An object of one of the classes in `REFERRED`.
    left_out
        Services that are not kept: references to their backends lead to new ones.
    """
    if isinstance(value, BackendDict):
        return backends_at, (place_of(value),)
    if isinstance(value, AccountSpecificBackend):
        account = value.account_id
        for backends in used_services():
            if value is dict.get(backends, account):
                return _account_backends, (place_of(backends), account)
    if left_out and isinstance(value, BaseBackend):
        for place in left_out:
            if isinstance(value, backends_at(place).backend):
                return _backend, (place, value.account_id, value.region_name)
    return None


def _account_backends(place: Place, account: str) -> Any:
    return backends_at(place)[account]


def _backend(place: Place, account: str, region: str) -> Any:
    return backends_at(place)[account][region]
