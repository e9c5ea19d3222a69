"""One command on one instance: the script, its process, its output, and how it ended.

What the agent on an AWS instance does, in its words: https://github.com/aws/amazon-ssm-agent, above all
`agent/executers`, `agent/plugins/runscript` and `agent/framework/processor/executer/iohandler`.
"""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.runtime import storage
from kennel.localcloud.runtime.logs import LogStream, lines_of
from kennel.localcloud.runtime.role_session import role_session
from kennel.localcloud.runtime.supervisor import ProcessStartError, SupervisedProcess, supervisors
from kennel.localcloud.runtime.workload import workload_environment
from kennel.localcloud.services.ec2.instances import SERVICE, instance_folder

if TYPE_CHECKING:
    from kennel.localcloud.dispatch.cloud import Cloud

log = logging.getLogger(__name__)

PLUGIN = "aws:runShellScript"
STREAM = "aws-runShellScript"
LONGEST_OUTPUT, LONGEST_ERROR, LONGEST_BOTH = 24_000, 8_000, 2_500
CUT = "--output truncated--"
PREEMPTED = 137  # 128 + SIGKILL: the agent's exit code of what it ended itself
POLL_SECONDS = 0.05
# The shell's errors go another way than its output, and the script's own first line chooses its interpreter.
SHELL = ["/bin/sh", "-c", 'exec 2>"$2"; "$1"', "sh"]


@dataclass(frozen=True)
class Order:
    """What a command says to each of its instances."""

    command: str
    script: str
    working_directory: str
    execution_timeout: float
    log_group: str
    output_uri: str


class CommandInvocation:
    """A command as one instance runs it, in a thread of its own.

    Parameters
    ----------
    cloud, instance, role_arn
        The local cloud, the instance's id, and the role of its profile.
    order
        What to run.
    """

    def __init__(self, cloud: Cloud, instance: str, role_arn: str, order: Order) -> None:
        self.instance, self.order = instance, order
        self.status = self.details = "Pending"
        self.response_code = -1  # AWS's value while there is none
        self.requested_at = datetime.now(UTC)
        self.started_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.stdout = self.stderr = ""
        self._cloud, self._role_arn = cloud, role_arn
        self._lock = threading.Lock()
        self._process: SupervisedProcess | None = None
        self._ending = ""  # the status that somebody asked for before the process ended by itself
        self._thread = threading.Thread(target=self._run, name=f"command {order.command}", daemon=True)

    @property
    def over(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.status in ("Success", "Failed", "Cancelled", "TimedOut")

    def start(self) -> None:
        """Begin, in the background."""
        self._thread.start()

    def wait(self, timeout: float) -> None:
        """Wait for the end."""
        self._thread.join(timeout)

    def cancel(self) -> None:
        """End it because its sender says so."""
        with self._lock:
            if not self.over and not self._ending:
                self.status = self.details = "Cancelling"
        self._end_early("Cancelled")

    def switch_off(self) -> None:
        """End it because its instance is switched off."""
        self._end_early("Failed")

    def _end_early(self, status: str) -> None:
        with self._lock:
            if not self.over and not self._ending:
                self._ending = status
                if self._process:
                    self._process.kill()

    def _run(self) -> None:
        self.started_at = datetime.now(UTC)
        try:
            code = self._execute()
        except (ClientError, ServiceException, OSError, ProcessStartError) as error:
            self.stderr, code = f"failed to run commands: {error}", 1
        except Exception:  # a fault of the local cloud must not leave the command InProgress
            log.exception("command %s on %s", self.order.command, self.instance)
            self.stderr, code = "the local cloud failed to run this; its log says more", 1
        self.ended_at = datetime.now(UTC)
        with self._lock:
            status = self._ending or ("Success" if code == 0 else "Failed")
            self.response_code = PREEMPTED if self._ending else code
            if status == "Failed" and not self.stderr.startswith("failed to run"):
                ending = f"failed to run commands: exit status {self.response_code}"
                self.stderr = cut(f"{self.stderr}{ending}", LONGEST_ERROR)
            self.details = "ExecutionTimedOut" if status == "TimedOut" else status
            self.status = status  # last: who waits for it may rely on the rest

    def _execute(self) -> int:
        disk = instance_folder(self._cloud, self.instance)
        folder = disk / "commands" / self.order.command
        folder.mkdir(parents=True, exist_ok=True)
        script, errors = folder / "_script.sh", folder / "stderr.pipe"
        script.write_text(self.order.script + "\n", encoding="utf-8")
        script.chmod(0o700)
        os.mkfifo(errors, 0o600)
        # Both ends are held here, so that neither opening it nor reading it waits for a writer.
        reading = os.open(errors, os.O_RDONLY | os.O_NONBLOCK)
        writing = os.open(errors, os.O_WRONLY)
        os.set_blocking(reading, True)
        try:
            with self._lock:
                if self._ending:
                    return PREEMPTED
                self._process = supervisors(self._cloud).start(
                    [*SHELL, str(script), str(errors)],
                    cwd=self.order.working_directory or disk,
                    env=self._environment(disk),
                    stdout=subprocess.PIPE,
                )
                self.status = self.details = "InProgress"
            assert self._process.stdout is not None
            readers = [
                threading.Thread(target=self._read, args=(pipe, name, folder / name), daemon=True)
                for name, pipe in (("stdout", self._process.stdout), ("stderr", os.fdopen(reading, "rb")))
            ]
            reading = -1
            for reader in readers:
                reader.start()
            code = self._watch(self._process)
        finally:
            os.close(writing)
            if reading >= 0:
                os.close(reading)
        for reader in readers:
            reader.join(60)
        errors.unlink()
        self._upload(folder)
        return code

    def _watch(self, process: SupervisedProcess) -> int:
        deadline = time.monotonic() + self.order.execution_timeout
        while (code := process.wait(POLL_SECONDS)) is None:
            if time.monotonic() > deadline:
                self._end_early("TimedOut")
        return 128 - code if code < 0 else code

    def _environment(self, disk: Path) -> dict[str, str]:
        """Return what a command finds; the image of AWS has its Python and code at the default places."""
        home = disk / "home"
        return {
            **workload_environment(self._cloud, self._role_arn, SERVICE, self.instance, home),
            "AWS_SSM_INSTANCE_ID": self.instance,
            "AWS_SSM_REGION_NAME": self._cloud.region,
            "SSM_COMMAND_ID": self.order.command,
            "KENNEL_HOME": str(disk / "opt" / "kennel"),
            "KENNEL_PYTHON": "python",
        }

    def _read(self, pipe: IO[bytes], name: str, target: Path) -> None:
        limit = LONGEST_OUTPUT if name == "stdout" else LONGEST_ERROR
        stream, kept = self._log_stream(name), ""
        with target.open("w", encoding="utf-8") as file, pipe:
            for line in lines_of(pipe):
                file.write(f"{line}\n")
                if len(kept) <= limit:
                    kept += f"{line}\n"
                if stream:
                    stream.write(line)
        if stream:
            stream.close()
        setattr(self, name, cut(kept, limit))

    def _log_stream(self, name: str) -> LogStream | None:
        """Return where CloudWatch gets the lines; as the agent, give up on a group that cannot be made."""
        if not self.order.log_group:
            return None
        session = role_session(self._cloud, self._role_arn, SERVICE, self.instance)
        logs = session.client("logs")
        try:
            logs.create_log_group(logGroupName=self.order.log_group)
        except logs.exceptions.ResourceAlreadyExistsException:
            pass
        except ClientError as error:
            log.warning("no log of command %s: %s", self.order.command, error)
            return None
        stream = f"{self.order.command}/{self.instance}/{STREAM}/{name}"
        return LogStream(session, self.order.log_group, stream)

    def _upload(self, folder: Path) -> None:
        if not self.order.output_uri:
            return
        s3 = role_session(self._cloud, self._role_arn, SERVICE, self.instance).client("s3")
        parts = (self.order.output_uri, self.order.command, self.instance, "awsrunShellScript")
        for name in ("stdout", "stderr"):
            try:
                with (folder / name).open("rb") as file:
                    storage.upload_file(s3, file, "/".join((*parts, "0.awsrunShellScript", name)))
            except ClientError as error:  # the agent logs it, and the command's result stands
                log.warning("no output of command %s in S3: %s", self.order.command, error)

    def elapsed(self) -> str:
        """Return how long it has run, as AWS writes durations."""
        if self.started_at is None:
            return ""
        seconds = ((self.ended_at or datetime.now(UTC)) - self.started_at).total_seconds()
        return f"PT{seconds:.3f}S"

    def both(self) -> str:
        """Return output and errors as ListCommandInvocations shows them: short, one after the other."""
        errors = f"\n----------ERROR-------\n{self.stderr}" if self.stderr else ""
        text = self.stdout + errors
        return text if len(text) <= LONGEST_BOTH else text[: LONGEST_BOTH - 23] + "\n---Output truncated---"


def cut(text: str, limit: int) -> str:
    """Return a text as the agent shortens it."""
    return text if len(text) <= limit else text[: limit - len(CUT)] + CUT


def describe(invocation: CommandInvocation) -> dict[str, Any]:
    """Return GetCommandInvocation's members; AWS shows no output before the end."""

    def moment(at: datetime | None) -> str:
        return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" if at else ""

    return {
        "CommandId": invocation.order.command,
        "InstanceId": invocation.instance,
        "PluginName": PLUGIN,
        "ResponseCode": invocation.response_code,
        "ExecutionStartDateTime": moment(invocation.started_at),
        "ExecutionElapsedTime": invocation.elapsed() if invocation.over else "",
        "ExecutionEndDateTime": moment(invocation.ended_at),
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "StandardOutputContent": invocation.stdout if invocation.over else "",
        "StandardOutputUrl": "",
        "StandardErrorContent": invocation.stderr if invocation.over else "",
        "StandardErrorUrl": "",
    }
