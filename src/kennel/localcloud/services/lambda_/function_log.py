"""A sandbox's log: what the function prints, and the lines that Lambda itself writes about an invocation."""

from __future__ import annotations

import json
from collections.abc import Mapping

from kennel.localcloud.runtime.logs import LogStream
from kennel.localcloud.runtime.role_session import RoleSession
from kennel.localcloud.services.lambda_.function_version import FunctionVersion

TAIL_BYTES = 4096  # what X-Amz-Log-Result holds
SEND_SECONDS = 0.2


class FunctionLog(LogStream):
    """The log stream of one sandbox, which also keeps its own end.

    Parameters
    ----------
    session : RoleSession
        The session of the function's role.
    version : FunctionVersion
        The version that the sandbox runs: it names the log group and the format of Lambda's own lines.
    stream : str
        The stream's name.
    """

    def __init__(self, session: RoleSession, version: FunctionVersion, stream: str) -> None:
        super().__init__(session, version.log_group, stream, SEND_SECONDS)
        self._version, self._tail = version, bytearray()

    def write(self, *lines: str) -> None:
        """Queue lines; AWS's runtime client marks the lines of one message with carriage returns."""
        messages = [line.replace("\r", "\n") for line in lines]
        for message in messages:
            self._tail += message.encode() + b"\n"
        del self._tail[: -2 * TAIL_BYTES]
        super().write(*messages)

    def begin_tail(self) -> None:
        """Forget the lines before this call: `tail` holds those of one invocation."""
        self._tail.clear()

    def tail(self) -> bytes:
        """Return the end of what was written since `begin_tail`."""
        return bytes(self._tail[-TAIL_BYTES:])

    def start(self, request_id: str) -> None:
        """Write that an invocation starts."""
        version = self._version.version
        if self._version.log_format == "JSON":
            self._platform("start", request_id, {"version": version})
        else:
            self.write(f"START RequestId: {request_id} Version: {version}")

    def report(self, request_id: str, seconds: float, init_seconds: float | None, memory_used: int) -> None:
        """Write that an invocation has ended, and what it took.

        Parameters
        ----------
        request_id, seconds
            The invocation, and its duration.
        init_seconds
            How long the sandbox's initialisation took; None if the sandbox was initialised before.
        memory_used
            The peak resident memory in megabytes.
        """
        duration, billed, memory = seconds * 1000, int(seconds * 1000) + 1, self._version.memory
        if self._version.log_format == "JSON":
            metrics = {"durationMs": round(duration, 3), "billedDurationMs": billed}
            metrics |= {"memorySizeMB": memory, "maxMemoryUsedMB": memory_used}
            if init_seconds is not None:
                metrics["initDurationMs"] = round(init_seconds * 1000, 3)
            self._platform("report", request_id, {"metrics": metrics})
            return
        text = (
            f"REPORT RequestId: {request_id}\tDuration: {duration:.2f} ms\tBilled Duration: {billed} ms\t"
            f"Memory Size: {memory} MB\tMax Memory Used: {memory_used} MB\t"
        )
        if init_seconds is not None:
            text += f"Init Duration: {init_seconds * 1000:.2f} ms\t"
        self.write(f"END RequestId: {request_id}")
        self.write(text)

    def _platform(self, event: str, request_id: str, record: Mapping[str, object]) -> None:
        now = self._session.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        document = {
            "time": now,
            "type": f"platform.{event}",
            "record": {"requestId": request_id, **record},
        }
        self.write(json.dumps(document))
