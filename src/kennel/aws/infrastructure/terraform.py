"""Terraform through python-terraform, with workarounds for current Terraform.

python-terraform 0.10.1 builds the command lines; this module runs them, because that library:

- passes ``-force`` to ``destroy``, which Terraform 0.15 removed;
- passes ``synchronous=False`` to Terraform as a flag, so that output cannot be streamed;
- reports exit code 2 of ``plan``, which means "there are changes", as an error.

The workarounds can be removed when python-terraform supports Terraform 1.x.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from python_terraform import IsFlagged
from python_terraform import Terraform as CommandLine

from kennel.aws import Progress, StackError, silent
from kennel.aws.infrastructure import endpoint_watch, initialised, operation_record
from kennel.aws.infrastructure import terraform_messages as messages
from kennel.aws.infrastructure.changes import Changes, ResourceChange, drift_in
from kennel.aws.infrastructure.terraform_process import ERRORED, TerraformProcess

# Commands that lock the state. They do not wait for a lock: who holds it is known before (`state_lock`).
LOCKING = ("plan", "apply", "destroy", "state push")
LOCK_TIMEOUT = "0s"
# Go's collector goes through the provider's schema again and again while it is read. A plan of 3 resources
# took 3.8 s of a processor with Go's default, 100, and 3.0 s with this; memory 726 MB, not 526 MB.
GARBAGE_PERCENT = "400"


class Terraform:
    """One Terraform root with its working data, variable files and binary.

    Parameters
    ----------
    directory
        The root module.
    data_directory
        Folder for providers and backend settings (``TF_DATA_DIR``): the environments of one checkout
        must not share a backend.
    variable_files
        Passed to plan, apply and destroy, in order.
    variables
        Variables that are not set in files, by name.
    """

    def __init__(
        self,
        directory: Path,
        data_directory: Path,
        variable_files: list[Path],
        *,
        variables: dict[str, str] | None = None,
        binary: str = "terraform",
        progress: Progress | None = None,
    ) -> None:
        self.directory = directory
        self.data_directory = data_directory
        self.progress = progress or silent
        self._variable_files: dict[str, Any] = {"var_file": [str(path) for path in variable_files]}
        self._variables = {f"TF_VAR_{name}": value for name, value in (variables or {}).items()}
        self._binary = binary
        self._command_line = CommandLine(working_dir=str(directory), terraform_bin_path=binary)

    def init(self, backend: dict[str, str], plugin_directory: str | None = None) -> None:
        """Prepare the root: backend, modules, providers (from ``plugin_directory`` if given).

        Nothing is done if that was done with the same files and settings, and no command has failed since.
        """
        settings = {"backend": backend, "plugins": plugin_directory, "binary": self._binary}
        now = initialised.Initialisation(self.directory, self.data_directory, settings)
        if now.done:
            return
        self._run(
            "init",
            input=False,
            no_color=IsFlagged,
            reconfigure=IsFlagged,
            backend_config=backend,
            plugin_dir=plugin_directory,
        )
        now.note()

    def plan(
        self,
        *,
        destroy: bool = False,
        out: Path | None = None,
        lock: bool = True,
        targets: list[str] | None = None,
    ) -> Changes:
        """Return the changes that an apply would make.

        Parameters
        ----------
        destroy
            Plan to remove all resources in the state.
        out
            The file to keep the plan in, for `apply`. It contains secrets.
        lock
            Lock the state, which is a write; not needed for a plan that is only shown.
        targets
            Plan only these addresses and what they depend on.
        """
        options: dict[str, Any] = {"destroy": IsFlagged} if destroy else {}
        if out:
            options["out"] = str(out)
        if targets:
            options["target"] = targets
        options |= {"lock_timeout": LOCK_TIMEOUT} if lock else {"lock": False}
        return self._changes("plan", **self._variable_files, **options, detailed_exitcode=IsFlagged)

    def drift(self, *, everything: bool = False) -> Changes:
        """Return the changes that were made outside Terraform, with the attributes that differ.

        Parameters
        ----------
        everything
            See `kennel.aws.infrastructure.changes.drift_in`.
        """
        saved = self.data_directory / "drift.tfplan"
        try:
            self.plan(out=saved, lock=False)
            document = self.show(saved)
        finally:
            saved.unlink(missing_ok=True)
        return drift_in(document, everything=everything)

    def show(self, saved: Path) -> dict[str, Any]:
        """Return a saved plan as Terraform's JSON document."""
        document: dict[str, Any] = json.loads(
            "".join(self._run("show", str(saved), json=IsFlagged, no_color=IsFlagged))
        )
        return document

    def apply(self, saved: Path | None = None) -> Changes:
        """Create, change and remove resources: as a saved plan says, or as planned now."""
        operands = [str(saved)] if saved else []
        files = {} if saved else self._variable_files  # a saved plan has its variables
        return self._changes("apply", *operands, **files, auto_approve=IsFlagged, lock_timeout=LOCK_TIMEOUT)

    def destroy(self) -> Changes:
        """Remove all resources in the state."""
        return self._changes(
            "destroy", **self._variable_files, auto_approve=IsFlagged, lock_timeout=LOCK_TIMEOUT
        )

    def outputs(self) -> dict[str, Any]:
        """Return the root's outputs by name; empty before the first apply."""
        text = "\n".join(self._run("output", json=IsFlagged, no_color=IsFlagged))
        return {name: output["value"] for name, output in json.loads(text or "{}").items()}

    def versions(self) -> dict[str, str]:
        """Return the versions of ``terraform`` and of each provider, by names as ``hashicorp/aws``."""
        document = json.loads("\n".join(self._run("version", json=IsFlagged)))
        providers = document["provider_selections"].items()
        return {
            "terraform": document["terraform_version"],
            **{"/".join(address.split("/")[-2:]): version for address, version in providers},
        }

    def push_unsaved(self) -> bool:
        """Save the state that an operation could not save; return whether there was one.

        Raises
        ------
        StackError
            The saved state has changed since, so Terraform refuses it. It is kept under another name.
        """
        file = self.data_directory / ERRORED
        if not file.exists():
            return False
        try:
            self._run("state push", str(file), lock_timeout=LOCK_TIMEOUT)
        except StackError as error:
            kept = file.with_name(f"{int(file.stat().st_mtime)}-{ERRORED}")
            file.rename(kept)
            raise StackError(f"the unsaved state is kept as {kept}: {error}") from error
        file.unlink()
        return True

    def _changes(self, command: str, *operands: str, **options: Any) -> Changes:
        changes = Changes()
        failures: list[str] = []
        applied = 0
        for line in self._stream(command, failures, *operands, json=IsFlagged, input=False, **options):
            with contextlib.suppress(json.JSONDecodeError):
                event = json.loads(line)
                kind = event.get("type")
                if kind == "planned_change":
                    change = event["change"]
                    changes.planned.append(ResourceChange(change["action"], change["resource"]["addr"]))
                elif kind == "apply_complete":
                    applied += 1
                    hook = event["hook"]
                    address, action = hook["resource"]["addr"], hook["action"]
                    seconds = hook.get("elapsed_seconds", 0)
                    total = max(len(changes.planned), applied)
                    self.progress(f"[{applied}/{total}] {address} {action} {seconds:.0f}s")
                elif kind == "change_summary":
                    counts = event["changes"]
                    changes.add, changes.change, changes.remove = (
                        counts["add"],
                        counts["change"],
                        counts["remove"],
                    )
                elif kind == "diagnostic":
                    said = failures if event["diagnostic"]["severity"] == "error" else changes.warnings
                    said.append(messages.sentence(event["diagnostic"]))
        if failures:
            failures += messages.remedies(failures)
            raise StackError(f"terraform {command}: " + " | ".join(dict.fromkeys(failures)))
        return changes

    def _run(self, command: str, *arguments: str, **options: Any) -> list[str]:
        failures: list[str] = []
        lines = list(self._stream(command, failures, *arguments, **options))
        if failures:
            raise StackError(f"terraform {command}: " + " | ".join(failures))
        return lines

    def _stream(self, command: str, failures: list[str], *operands: str, **options: Any) -> Iterator[str]:
        """Yield the command's lines as they arrive; append the text of an error to ``failures``."""
        arguments = self._command_line.generate_cmd_string(command, *operands, **options)
        self.data_directory.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            **self._variables,
            "TF_DATA_DIR": str(self.data_directory),
            "TF_IN_AUTOMATION": "1",
            "GOGC": os.environ.get("GOGC", GARBAGE_PERCENT),
            # `local.env` exports these for plain terraform; they would duplicate the arguments given here.
            "TF_CLI_ARGS_init": "",
            "TF_CLI_ARGS_plan": "",
            "TF_CLI_ARGS_apply": "",
            "TF_CLI_ARGS_destroy": "",
        }
        with contextlib.ExitStack() as stack:
            record = None
            if command in LOCKING and options.get("lock", True):
                record = stack.enter_context(operation_record.recording(self.data_directory, command))
            try:
                process = TerraformProcess(
                    arguments,
                    cwd=self.directory,
                    env=environment,
                    data_directory=self.data_directory,
                    record=record,
                )
            except FileNotFoundError as error:
                raise StackError(
                    f"no Terraform at {arguments[0]!r}: "
                    "run through ./kennel, or install Terraform 1.11 or newer"
                ) from error
        # Interrupted, this process sends Terraform one SIGINT. The terminal's Ctrl-C, which does not reach
        # it, would be a second one, at which it aborts without saving created resources. The watch goes on.
        watching = endpoint_watch.watching(process)
        with contextlib.closing(process), process.ending(), watching as watch, process.ending():
            yield from process.lines()
            code = process.wait()
            error_text = process.errors()
        if watch.failure:
            raise StackError(f"terraform {command}: {watch.failure}")
        if code < 0:
            raise StackError(f"terraform {command}: {messages.killed(-code)}")
        # With `-detailed-exitcode`, exit code 2 means that there are changes.
        if code != 0 and not (code == 2 and "detailed_exitcode" in options) and not failures:
            failures.append(messages.plain(error_text) or f"exit code {code}")
        if failures:
            initialised.forget(self.data_directory)
