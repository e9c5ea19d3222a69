"""The Python environments: made, brought up to date and stamped."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bootstrap.indexes import INDEX_VARIABLES, uv_environ
from bootstrap.output import CommandError, SetupError, print_message, run

DOWNLOADING = re.compile(r"^\s*Downloading (\S+) \(([\d.]+)([KMG]?)i?B\)$", re.MULTILINE)
DOWNLOADED = re.compile(r"^\s*Downloaded (\S+)$", re.MULTILINE)
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
REQUIREMENT = re.compile(r"^(?P<name>[\w.-]+)(?:\[[^]]*\])?==(?P<version>[^\s;\\]+)")
CUDA_BUILD = re.compile(
    r"(torch|torchvision|triton|nvidia-.*|cuda-.*)"
)  # what the CPU build replaces or does without

FULL_BYTES = 64 << 20  # a disk with less than this is full
SPACE_NEEDED = "8 GB"


@dataclass(frozen=True)
class Environment:
    """One environment: its folder, its compiled requirements, its purpose and the build of torch in it."""

    folder: Path
    requirements: Path
    purpose: str
    torch: str
    python_version: str

    @property
    def origin(self) -> str:
        """What it is made with: another origin needs another environment. `kennel` checks the same text.

        The folder is part of it because an environment's programs name their own path and break when a
        checkout is moved or copied.
        """
        return f"Python {self.python_version}, torch {self.torch}, in {self.folder}\n"

    @property
    def ready(self) -> bool:
        """Whether it is complete, with these requirements."""
        return (
            os.access(self.folder / "bin/python", os.X_OK)
            and _content(self.folder / ".kennel-stamp") == self.origin
            and self.requirements.exists()
            and _content(self.folder / ".kennel-requirements") == self.requirements.read_text()
        )


class Builder:
    """Makes environments with uv.

    Parameters
    ----------
    uv, python
        The programs.
    tools
        The folder for the logs.
    """

    def __init__(self, uv: Path, python: Path, tools: Path) -> None:
        self.uv = uv
        self.python = python
        self.tools = tools
        self.environ = uv_environ(os.environ, python)

    def build(self, environment: Environment) -> None:
        """Make the environment, or bring it up to date with its requirements."""
        started = time.monotonic()
        folder, source = environment.folder, environment.requirements.name
        log = self.tools / f"{folder.name}.log"
        log.unlink(missing_ok=True)
        if is_resumable(environment):
            print_message(f"bringing {folder.name} up to date with {source} ({environment.purpose})")
            (folder / ".kennel-stamp").unlink(missing_ok=True)
            remove_incomplete_packages(folder)
        else:
            print_message(
                f"making {folder.name} with Python {environment.python_version} from {source} "
                f"({environment.purpose}); once"
            )
            shutil.rmtree(folder, ignore_errors=True)
            self._make(environment, log)
        try:
            if environment.torch == "cpu":
                self._install_with_cpu_torch(environment, log)
            else:
                self._uv(log, environment, "sync", "--require-hashes", environment.requirements)
        except CommandError as error:
            raise SetupError(
                f"{source} could not be installed into {folder.name}: {error}; "
                f"{self._remedy(str(error), folder, log)} and run the same command again: "
                "what is downloaded stays"
            ) from None
        shutil.copyfile(environment.requirements, folder / ".kennel-requirements")
        stamp = folder / ".kennel-stamp.new"
        stamp.write_text(environment.origin)
        stamp.replace(folder / ".kennel-stamp")  # last, and whole or not at all
        print_message(f"{folder.name} is ready ({time.monotonic() - started:.0f} s)")

    def _make(self, environment: Environment, log: Path) -> None:
        """Make the environment without packages."""
        name = environment.folder.name
        options = ["--no-project", "--python", str(self.python)]
        try:
            run([self.uv, "venv", *options, environment.folder], f"making {name}", log, environ=self.environ)
        except CommandError as error:
            raise SetupError(
                f"uv cannot make {name} with {self.python}: {error}; "
                f"{self._remedy(str(error), environment.folder.parent, log)} and run the same command again"
            ) from None
        (environment.folder / ".kennel-origin").write_text(environment.origin)

    def _uv(
        self,
        log: Path,
        environment: Environment,
        command: str,
        *arguments: str | Path,
        without: Sequence[str] = (),
    ) -> None:
        """Run a command of `uv pip` on the environment, without those variables."""
        run(
            [self.uv, "pip", command, "--python", environment.folder / "bin/python", *arguments],
            f"installing {environment.requirements.name}",
            log,
            environ={name: value for name, value in self.environ.items() if name not in without},
            progress=lambda text: download_progress(text) or _installation_progress(text, environment.folder),
        )

    def _install_with_cpu_torch(self, environment: Environment, log: Path) -> None:
        """Install torch from PyTorch's index of CPU builds, and the rest from the requirements.

        The CPU build's files are others than PyPI's, so requirements.txt has no hashes for them: they come
        over TLS from that one index, in the pinned version, unchecked otherwise. All other packages are
        checked as ever.
        """
        versions, rest = split_requirements(environment.requirements.read_text())
        without = [*INDEX_VARIABLES, "UV_INDEX_STRATEGY"]
        try:
            self._uv(
                log,
                environment,
                "install",
                *("--no-deps", "--default-index", CPU_INDEX),
                *(f"{name}=={version}" for name, version in versions.items()),
                without=without,
            )
        except CommandError as error:
            raise SetupError(
                f"KENNEL_TORCH=cpu takes torch from {CPU_INDEX}, which failed ({error}); "
                "unset KENNEL_TORCH to take the build of requirements.txt, or make that address reachable"
            ) from None
        file = self.tools / "requirements-without-torch.txt"
        file.write_text(rest)
        self._uv(log, environment, "install", "--no-deps", "--require-hashes", "-r", file)

    def _remedy(self, error: str, folder: Path, log: Path) -> str:
        """Return what to do about uv's error."""
        if "No space left" in error or shutil.disk_usage(folder).free < FULL_BYTES:
            return f"free {SPACE_NEEDED} on the disk (uv cache clean empties uv's cache)"
        if self.environ.get("UV_OFFLINE"):
            return "unset UV_OFFLINE"
        if "Hash mismatch" in error:
            return "see which index serves that file (pip config list, UV_*)"
        if "Failed to fetch" in error:
            return "check network, proxy and index (pip config list, UV_*)"
        return f"see .tools/{log.name}, correct the cause"


def is_resumable(environment: Environment) -> bool:
    """Whether the folder holds an environment of the same origin whose Python runs."""
    if _content(environment.folder / ".kennel-origin") != environment.origin:
        return False
    try:
        done = subprocess.run([environment.folder / "bin/python", "-c", ""], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def remove_incomplete_packages(folder: Path) -> None:
    """Forget packages whose installation was cut off: uv last of all adds its INSTALLER file to RECORD."""
    for package in folder.glob("lib/python3.*/site-packages/*.dist-info"):
        record = package / "RECORD"
        if not record.exists() or f"{package.name}/INSTALLER" not in record.read_text():
            shutil.rmtree(package)


def split_requirements(text: str) -> tuple[dict[str, str], str]:
    """Split compiled requirements.

    Returns
    -------
    dict
        The versions of torch and torchvision.
    str
        The requirements without those two and without what only their CUDA build needs.
    """
    versions: dict[str, str] = {}
    rest: list[str] = []
    keep = True
    for line in text.splitlines(keepends=True):
        requirement = REQUIREMENT.match(line)
        if requirement:
            name = requirement["name"].lower()
            keep = not CUDA_BUILD.fullmatch(name)
            if name in ("torch", "torchvision"):
                versions[name] = requirement["version"]
        if keep:
            rest.append(line)
    return versions, "".join(rest)


def download_progress(text: str) -> str:
    """Return what uv's output says of its downloads: the largest that goes on, and the bytes of all."""
    sizes = {name: float(number) * UNITS[unit] for name, number, unit in DOWNLOADING.findall(text)}
    complete = set(DOWNLOADED.findall(text))
    active = sorted(sizes.keys() - complete, key=lambda name: sizes[name])
    if not active:
        return ""
    others = f" and {len(active) - 1} more" if len(active) > 1 else ""
    received = sum(size for name, size in sizes.items() if name in complete)
    return f"downloading {active[-1]}{others}, {received / 1e9:.1f} of {sum(sizes.values()) / 1e9:.1f} GB"


def _installation_progress(text: str, folder: Path) -> str:
    """Return what goes on beside downloads: files are unpacked, then linked into the environment."""
    if re.search(r"^Prepared ", text, re.MULTILINE):
        return f"{len(list(folder.glob('lib/python3.*/site-packages/*.dist-info')))} packages"
    return "unpacking" if re.search(r"^Resolved ", text, re.MULTILINE) else "resolving"


def _content(file: Path) -> str:
    """Return a file's text, nothing if there is no such file."""
    try:
        return file.read_text()
    except OSError:
        return ""
