"""Warm sandboxes of every function: reused, and ended when the version changes or when they idle."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections import Counter
from collections.abc import Iterator

from kennel.localcloud.dispatch.cloud import Cloud, TransientStore
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.lambda_.function_version import FunctionVersion
from kennel.localcloud.services.lambda_.sandbox import InvocationResult, Sandbox

IDLE_SECONDS = 300.0  # how long AWS keeps a sandbox is not published; minutes
REAP_SECONDS = 15.0
END_SECONDS = 10.0  # of a sandbox, after the order to end
ACCOUNT_CONCURRENCY = 1000  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html


class SandboxPool(TransientStore):
    """The sandboxes of one local cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = threading.Lock()
        self._idle: dict[FunctionVersion, list[Sandbox]] = {}
        self._provisioned: dict[FunctionVersion, int] = {}
        self._initialised: dict[
            FunctionVersion, list[Sandbox]
        ] = {}  # for provisioned concurrency, busy or not
        self._busy: Counter[str] = Counter()
        self._ended = threading.Event()
        threading.Thread(target=self._reap, name="sandbox reaper", daemon=True).start()

    def busy(self, name: str) -> int:
        """Return how many events a function works on now."""
        return self._busy[name]

    @contextlib.contextmanager
    def admitted(self, name: str, reserved: int | None) -> Iterator[None]:
        """Hold one of a function's concurrent executions.

        Parameters
        ----------
        name
            The function, all versions together.
        reserved
            Its reserved concurrency, or None.

        Raises
        ------
        AwsError
            ``TooManyRequestsException``: all are taken.
        """
        with self._lock:
            full = self._busy[name] >= reserved if reserved is not None else False
            if full or self._busy.total() >= ACCOUNT_CONCURRENCY:
                raise AwsError(
                    "TooManyRequestsException",
                    "Rate Exceeded.",
                    429,
                    Reason="ReservedFunctionConcurrentInvocationLimitExceeded"
                    if full
                    else "ConcurrentInvocationLimitExceeded",
                    Type="User",
                )
            self._busy[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy[name] -= 1

    def invoke(
        self,
        version: FunctionVersion,
        payload: bytes,
        client_context: str = "",
        request_id: str | None = None,
        invoked_arn: str = "",
    ) -> InvocationResult:
        """Run an event in a warm sandbox of the version, or in a new one; see `Sandbox.invoke`."""
        sandbox = self._take(version) or Sandbox(self._cloud, version)
        result = sandbox.invoke(request_id or str(uuid.uuid4()), payload, client_context, invoked_arn)
        self._give_back(sandbox)
        return result

    def provision(self, version: FunctionVersion, count: int) -> None:
        """Keep `count` initialised sandboxes of a version, however long they idle.

        Those that are missing are started; of those that are too many, the idle ones end.
        """
        with self._lock:
            self._provisioned[version] = count
            alive = [sandbox for sandbox in self._initialised.get(version, []) if sandbox.usable]
            idle = self._idle.get(version, [])
            surplus = [sandbox for sandbox in alive if sandbox in idle][: max(0, len(alive) - count)]
            if surplus:
                self._idle[version] = [sandbox for sandbox in idle if sandbox not in surplus]
            self._initialised[version] = [sandbox for sandbox in alive if sandbox not in surplus]
        for sandbox in surplus:
            sandbox.close()
        for _ in range(count - len(alive)):
            sandbox = Sandbox(self._cloud, version, "provisioned-concurrency")
            sandbox.warm_up()
            with self._lock:
                self._initialised.setdefault(version, []).append(sandbox)
            self._give_back(sandbox)

    def release(self, version: FunctionVersion) -> None:
        """Provision no sandboxes of a version any more; those that idle end, and their logs are written."""
        with self._lock:
            self._provisioned.pop(version, None)
            self._initialised.pop(version, None)
            released = self._idle.pop(version, [])
        _end(released)

    def discard(self, name: str) -> None:
        """End the idle sandboxes of a function, all versions, and wait until their logs are written."""
        with self._lock:
            versions = [version for version in self._idle if version.name == name]
            discarded = [sandbox for version in versions for sandbox in self._idle.pop(version)]
            for kept in (self._provisioned, self._initialised):
                for version in [version for version in kept if version.name == name]:
                    del kept[version]
        _end(discarded)

    def shutdown(self) -> None:
        """End every sandbox; the supervisors end those that are busy."""
        self._ended.set()
        with self._lock:
            idle = [sandbox for sandboxes in self._idle.values() for sandbox in sandboxes]
            self._idle.clear()
        for sandbox in idle:
            sandbox.close()

    def _take(self, version: FunctionVersion) -> Sandbox | None:
        with self._lock:
            # A change of $LATEST leaves sandboxes of the old code or settings under the same version.
            stale = [
                other
                for other in self._idle
                if (other.name, other.version) == (version.name, version.version) and other != version
            ]
            retired = [sandbox for other in stale for sandbox in self._idle.pop(other)]
            warm = self._idle.get(version, [])
            taken = None
            while warm and taken is None:
                candidate = warm.pop()  # the last used: its caches are warm, and the others can age
                if candidate.usable:
                    taken = candidate
                else:
                    retired.append(candidate)
        for sandbox in retired:
            sandbox.close()
        return taken

    def _give_back(self, sandbox: Sandbox) -> None:
        if sandbox.usable and not self._ended.is_set():
            with self._lock:
                self._idle.setdefault(sandbox.version, []).append(sandbox)
        else:
            sandbox.close()

    def _reap(self) -> None:
        clock = self._cloud.clock
        while not clock.wait(REAP_SECONDS, self._ended):
            oldest = clock.monotonic() - IDLE_SECONDS
            with self._lock:
                retired = []
                for version, sandboxes in list(self._idle.items()):
                    keep = self._provisioned.get(version, 0)
                    old = [s for s in sandboxes if s.idle_since < oldest][: max(0, len(sandboxes) - keep)]
                    retired += old
                    self._idle[version] = [s for s in sandboxes if s not in old]
                    if not self._idle[version]:
                        del self._idle[version]
            for sandbox in retired:
                sandbox.close()


def _end(sandboxes: list[Sandbox]) -> None:
    for sandbox in sandboxes:
        sandbox.close()
    for sandbox in sandboxes:
        sandbox.ended.wait(END_SECONDS)


def sandbox_pool(cloud: Cloud) -> SandboxPool:
    """Return the cloud's pool, created at its first use."""

    def create() -> SandboxPool:
        pool = SandboxPool(cloud)
        cloud.on_shutdown(pool.shutdown)
        return pool

    return cloud.store(SandboxPool, create)
