"""One command on one instance: the script, its process, its output, and its status.

It follows the agent on an AWS instance: https://github.com/aws/amazon-ssm-agent, above all
`agent/executers`, `agent/plugins/runscript` and `agent/framework/processor/executer/iohandler`.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime import storage
from kennel.localcloud.runtime.logs import LogStream
from kennel.localcloud.runtime.process_output import OutputReader
from kennel.localcloud.runtime.role_session import role_session
from kennel.localcloud.runtime.supervisor import ProcessStartError
from kennel.localcloud.runtime.workload import Workload
from kennel.localcloud.services.ec2.instances import SERVICE, instance_folder
from kennel.localcloud.services.ssm.captured_output import CapturedOutput, cut, named_pipe

log = logging.getLogger(__name__)

STREAM = "aws-runShellScript"
LONGEST_OUTPUT, LONGEST_ERROR = 24_000, 8_000
PREEMPTED = 137  # 128 + SIGKILL: the agent's exit code of what it ended itself
RUNNING_ONLY = ("_lock", "_thread", "_workload")  # not kept over a restart
POLL_SECONDS = 0.05
# The script's errors go to the named pipe $2, and its own first line chooses its interpreter.
SHELL = ["/bin/sh", "-c", 'exec 2>"$2"; "$1"', "sh"]


@dataclass(frozen=True)
class CommandSettings:
    """What a command is on each of its instances."""

    command_id: str
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
    settings
        What to run.
    """

    def __init__(self, cloud: Cloud, instance: str, role_arn: str, settings: CommandSettings) -> None:
        self.instance, self.settings = instance, settings
        self.status = self.details = "Pending"
        self.response_code = -1  # AWS's value while there is none
        self.requested_at = datetime.now(UTC)
        self.started_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.stdout = self.stderr = ""
        self._cloud = cloud
        self._session = role_session(cloud, role_arn, SERVICE, instance)
        self._lock = threading.Lock()
        self._workload: Workload | None = None
        self._early_status = ""  # the status of a command that is ended before its process ends by itself
        self._thread = threading.Thread(target=self._run, name=f"command {settings.command_id}", daemon=True)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in RUNNING_ONLY}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.Lock(), _workload=None)

    def interrupt(self) -> None:
        """End a command that ran when the local cloud ended; nothing happens to one that has ended."""
        if not self.ended:
            self.response_code, self.ended_at = PREEMPTED, datetime.now(UTC)
            self.stderr = (
                "failed to run commands: the local cloud ended while this ran, and the command with it"
            )
            self.status = self.details = "Failed"

    @property
    def ended(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.status in ("Success", "Failed", "Cancelled", "TimedOut")

    @property
    def pid(self) -> int | None:
        """The process that it runs as; None while there is none."""
        workload = self._workload
        return workload.pid if workload else None

    def start(self) -> None:
        """Begin, in the background."""
        self._thread.start()

    def wait(self, timeout: float) -> None:
        """Wait for the end."""
        self._thread.join(timeout)

    def cancel(self) -> None:
        """End it at its sender's request."""
        with self._lock:
            if not self.ended and not self._early_status:
                self.status = self.details = "Cancelling"
        self._end_early("Cancelled")

    def switch_off(self) -> None:
        """End it because its instance is switched off."""
        self._end_early("Failed")

    def _end_early(self, status: str) -> None:
        with self._lock:
            if not self.ended and not self._early_status:
                self._early_status = status
                if self._workload:
                    self._workload.terminate(0)

    def _run(self) -> None:
        self.started_at = datetime.now(UTC)
        try:
            code = self._execute()
        except (ClientError, ServiceException, OSError, ProcessStartError) as error:
            self.stderr, code = f"failed to run commands: {error}", 1
        except Exception:  # a fault of the local cloud must not leave the command InProgress
            log.exception("command %s on %s", self.settings.command_id, self.instance)
            self.stderr, code = "the local cloud failed to run this; its log says more", 1
        self.ended_at = datetime.now(UTC)
        with self._lock:
            status = self._early_status or ("Success" if code == 0 else "Failed")
            self.response_code = PREEMPTED if self._early_status else code
            if status == "Failed" and not self.stderr.startswith("failed to run"):
                ending = f"failed to run commands: exit status {self.response_code}"
                self.stderr = cut(f"{self.stderr}{ending}", LONGEST_ERROR)
            self.details = "ExecutionTimedOut" if status == "TimedOut" else status
            self.status = status  # last: whoever waits for it may rely on the rest
        self._cloud.changes.note()

    def _execute(self) -> int:
        disk = instance_folder(self._cloud, self.instance)
        folder = disk / "commands" / self.settings.command_id
        folder.mkdir(parents=True, exist_ok=True)
        script = folder / "_script.sh"
        script.write_text(self.settings.script + "\n", encoding="utf-8")
        script.chmod(0o700)
        with (
            CapturedOutput(folder / "stdout", LONGEST_OUTPUT) as stdout,
            CapturedOutput(folder / "stderr", LONGEST_ERROR) as stderr,
        ):
            code = self._run_script(disk, script, stdout, stderr)
        self.stdout, self.stderr = stdout.text(), stderr.text()
        self._upload(folder)
        return code

    def _run_script(self, disk: Path, script: Path, stdout: CapturedOutput, stderr: CapturedOutput) -> int:
        """Run the script and return its exit status, with both streams read to their ends."""
        pipe_path = script.with_name("stderr.pipe")
        stdout_log, stderr_log = self._log_stream("stdout"), self._log_stream("stderr")
        workload = Workload(self._cloud, self._session, stdout_log, stdout.receive)
        with named_pipe(pipe_path) as pipe:
            errors = OutputReader(pipe, stderr_log, stderr.receive)
            with self._lock:
                if self._early_status:
                    return PREEMPTED
                workload.start(
                    [*SHELL, str(script), str(pipe_path)],
                    cwd=Path(self.settings.working_directory or disk),
                    env=self._environment(workload, disk),
                )
                self._workload = workload
                self.status = self.details = "InProgress"
            code = self._watch(workload)
        workload.close()
        errors.join(60)
        if stderr_log:
            stderr_log.close()
        return code

    def _watch(self, workload: Workload) -> int:
        deadline = time.monotonic() + self.settings.execution_timeout
        while (code := workload.wait(POLL_SECONDS)) is None:
            if time.monotonic() > deadline:
                self._end_early("TimedOut")
        return 128 - code if code < 0 else code

    def _environment(self, workload: Workload, disk: Path) -> dict[str, str]:
        """Return a command's environment; on AWS the image has its Python and code at the default places."""
        return {
            **workload.environment(home=disk / "home"),
            "AWS_SSM_INSTANCE_ID": self.instance,
            "AWS_SSM_REGION_NAME": self._cloud.region,
            "SSM_COMMAND_ID": self.settings.command_id,
            "KENNEL_HOME": str(disk / "opt" / "kennel"),
            "KENNEL_PYTHON": "python",
        }

    def _log_stream(self, name: str) -> LogStream | None:
        """Return where CloudWatch gets the lines; None, as the agent, if the log group cannot be created."""
        if not self.settings.log_group:
            return None
        logs = self._session.client("logs")
        try:
            logs.create_log_group(logGroupName=self.settings.log_group)
        except logs.exceptions.ResourceAlreadyExistsException:
            pass
        except ClientError as error:
            log.warning("no log of command %s: %s", self.settings.command_id, error)
            return None
        stream = f"{self.settings.command_id}/{self.instance}/{STREAM}/{name}"
        return LogStream(self._session, self.settings.log_group, stream)

    def _upload(self, folder: Path) -> None:
        if not self.settings.output_uri:
            return
        s3 = self._session.client("s3")
        parts = (self.settings.output_uri, self.settings.command_id, self.instance, "awsrunShellScript")
        for name in ("stdout", "stderr"):
            try:
                with (folder / name).open("rb") as file:
                    storage.upload_file(s3, file, "/".join((*parts, "0.awsrunShellScript", name)))
            except ClientError as error:  # the agent logs it, and the command's result stays as it is
                log.warning("no output of command %s in S3: %s", self.settings.command_id, error)
