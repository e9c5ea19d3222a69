"""The running local cloud: its folder, port, audit log, the stores of its services, and its shutdown."""

from __future__ import annotations

import copy
import datetime
import logging
import os
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

from kennel.localcloud import ACCOUNT_ID, AUDIT_LOG, REGION, service_record
from kennel.localcloud.clock import Clock, Kept
from kennel.localcloud.dispatch.audit_log import AuditLog
from kennel.localcloud.dispatch.changes import Changes
from kennel.version import VERSION

log = logging.getLogger(__name__)


class KeptStore:
    """What a service remembers beside moto's objects, and what survives a restart.

    A snapshot pickles it with all that it refers to. What lives with the process only (threads, workloads)
    is left out by the `__reduce__` or `__getstate__` of the classes that hold it.

    Attributes
    ----------
    everywhere
        Whether all regions share it; else each region has its own.
    region
        Whose it is.
    """

    everywhere: ClassVar[bool] = False
    region: str = REGION

    def resume(self, cloud: Cloud) -> None:
        """Go on after a restart, once the service listens: end what was interrupted, start what served."""


class TransientStore:
    """What a service holds only while it runs: made anew after a restart."""

    everywhere: ClassVar[bool] = False


class KeptClock(KeptStore):
    """What a snapshot holds of a cloud's clock."""

    everywhere = True

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.kept = clock.kept()

    def __getstate__(self) -> dict[str, Kept]:
        return {"kept": self.clock.kept()}


Store = TypeVar("Store", bound=KeptStore | TransientStore)

# Read by moto when it is imported or first used; set here so that no importer can forget them.
MOTO_SETTINGS = {
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    "MOTO_ALLOW_NONEXISTENT_REGION": "false",
    "MOTO_DISABLE_GLOBAL_CORS": "true",
    "S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true",  # the bucket is in the path by then
    "MOTO_ACCOUNT_ID": ACCOUNT_ID,
}


@cache
def _regions() -> frozenset[str]:
    import boto3

    session = boto3.Session()
    partitions = session.get_available_partitions()
    return frozenset(
        region for each in partitions for region in session.get_available_regions("ec2", partition_name=each)
    )


class Cloud:
    """One local cloud, as its services see it from a region; `in_region` has the others.

    Parameters
    ----------
    directory
        Where jobs, endpoints, functions, the audit log and the service's log are kept.
    port
        The port that it listens on at 127.0.0.1.
    clock
        What its services take the time from; by default the wall's.
    """

    def __init__(self, directory: Path, port: int, clock: Clock | None = None) -> None:
        os.environ.update(MOTO_SETTINGS, MOTO_PORT=str(port))
        self.directory = directory.resolve()
        self.port = port
        self.account = ACCOUNT_ID
        self.region = REGION
        self.started_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.operator_secret = service_record.operator_secret(self.directory)
        self.audit_log = AuditLog(self.directory / AUDIT_LOG)
        self.clock = clock or Clock()
        self.lock = threading.RLock()
        self.changes = Changes()
        self.resuming: dict[str, None] = {}  # what is coming up again after a restart, by description
        self._stores: dict[type[Any], KeptStore | TransientStore] = {KeptClock: KeptClock(self.clock)}
        self._home, self._views = self, {self.region: self}
        self._prepare: Callable[[Cloud], None] | None = None
        self._shutdowns: list[Callable[[], None]] = []

    @property
    def endpoint_url(self) -> str:
        """The address that clients use."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def regional_directory(self) -> Path:
        """The folder of what this region runs: names are taken in each region anew."""
        return self.directory if self is self._home else self.directory / self.region

    def in_region(self, region: str) -> Cloud:
        """Return the cloud as services see it from a region: its stores are others, all else is the same.

        A region that AWS does not have leads to the first one.
        """
        home = self._home
        if region not in home._views and region not in _regions():
            return home
        with home.lock:
            view, new = home._views.get(region), False
            if view is None:
                view, new = copy.copy(home), True
                view.region, view._stores = region, {}
                home._views[region] = view
        if new and home._prepare:
            home._prepare(view)
        return view

    def regions(self) -> list[Cloud]:
        """Return the cloud in each region that was used."""
        return list(self._home._views.values())

    def prepare_regions(self, prepare: Callable[[Cloud], None]) -> None:
        """Prepare each region that was used, and from now on each one before it is first used."""
        self._home._prepare = prepare
        for view in self.regions():
            prepare(view)

    def store(self, kind: type[Store], create: Callable[[], Store] | None = None) -> Store:
        """Return this region's one object of a class, or the cloud's, created at its first use.

        Parameters
        ----------
        kind
            The class; its base says whether a restart keeps it.
        create
            Creates it; by default the class without arguments.
        """
        stores = (self._home if kind.everywhere else self)._stores
        with self.lock:
            if kind not in stores:
                made = stores[kind] = (create or kind)()
                if isinstance(made, KeptStore):
                    made.region = self.region
            return cast("Store", stores[kind])

    def kept_stores(self) -> list[KeptStore]:
        """Return what survives a restart, of all regions.

        It takes no lock: in a process that was forked to write a snapshot nobody would release it.
        """
        stores = [store for view in self.regions() for store in list(view._stores.values())]
        return [store for store in stores if isinstance(store, KeptStore)]

    def restore_stores(self, stores: list[KeptStore]) -> None:
        """Take the stores of a snapshot for this cloud's."""
        with self.lock:
            for store in stores:
                if isinstance(store, KeptClock):
                    self.clock.restore(store.kept)
                else:
                    view = self._home if store.everywhere else self.in_region(store.region)
                    view._stores[type(store)] = store

    def resume(self) -> None:
        """Go on with what a snapshot held."""
        for store in self.kept_stores():
            store.resume(self.in_region(store.region))

    def on_shutdown(self, action: Callable[[], None]) -> None:
        """Run an action at shutdown; later ones first."""
        self._shutdowns.append(action)

    def status(self) -> dict[str, Any]:
        """Return what ``GET /_kennel/status`` reports."""
        return {
            "ready": True,
            "pid": os.getpid(),
            "port": self.port,
            "endpoint_url": self.endpoint_url,
            "directory": str(self.directory),
            "started_at": self.started_at,
            "version": VERSION,
            "audit_entries_lost": self.audit_log.lost,
            "audit_problem": self.audit_log.problem,
            "resuming": list(self.resuming),
            "unsaved_changes": self.changes.unsaved,
            "clock": {"time": self.clock.now().isoformat(), "speed": self.clock.speed},
        }

    def shutdown(self) -> None:
        """Stop the clock and every child process, and close the audit log."""
        self.clock.close()
        while self._shutdowns:
            try:
                self._shutdowns.pop()()
            except Exception:
                log.exception("a part of the local cloud did not shut down in order")
        self.audit_log.close()
