"""uv: the one on PATH if it is new enough, else a pinned one in .tools/."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bootstrap.output import CommandError, SetupError, run

OLDEST = (0, 11, 0)  # the first that knows UV_SYSTEM_CERTS
GUIDE = "https://docs.astral.sh/uv/getting-started/installation/"
PIN = re.compile(r"^uv==(\S+)", re.MULTILINE)


def find_uv(root: Path, tools: Path) -> Path:
    """Return uv's path; install it into `tools` if there is none.

    Parameters
    ----------
    root
        The checkout, whose ``requirements-uv.txt`` pins uv and its hashes.
    tools
        The folder for downloaded programs.
    """
    on_path = shutil.which("uv")
    if on_path and version(on_path) >= OLDEST:
        return Path(on_path)
    requirements = root / "requirements-uv.txt"
    pin = PIN.search(requirements.read_text()) if requirements.exists() else None
    if not pin:
        raise SetupError(f"{requirements.name} is missing; restore it: git checkout -- {requirements.name}")
    folder = tools / f"uv-{pin[1]}"
    if version(folder / "bin/uv") < OLDEST:
        _install(requirements, folder, tools / "uv.log")
    return folder / "bin/uv"


def version(program: str | Path) -> tuple[int, ...]:
    """Return the version of a uv, (0,) if it does not run."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return (0,)
    number = re.match(r"uv (\d+)\.(\d+)\.(\d+)", answer)
    return tuple(map(int, number.groups())) if number else (0,)


def _install(requirements: Path, folder: Path, log: Path) -> None:
    """Install uv with pip, its hash checked; the folder is complete or absent."""
    part = folder.with_name("uv.part")
    for old in (part, folder):
        shutil.rmtree(old, ignore_errors=True)
    log.unlink(missing_ok=True)
    command: list[str | Path]
    if importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", "install", "--target", part]
    else:
        _make_pip(part, log)
        command = [part / "bin/python", "-m", "pip", "install"]
    command += ["--require-hashes", "--only-binary", ":all:", "-r", requirements]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    try:
        run(command, "installing uv", log, environ=_pip_environ())
    except CommandError as error:
        raise SetupError(
            f"uv could not be installed: {error}; check network, proxy and index (pip config list), "
            f"or install uv ({GUIDE}), and run the same command again"
        ) from None
    part.rename(folder)


def _make_pip(folder: Path, log: Path) -> None:
    """Make an environment that has pip, for a Python that has none."""
    try:
        run(
            [sys.executable, "-m", "venv", folder],
            "making an environment for pip",
            log,
            environ=_pip_environ(),
        )
    except CommandError as error:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        raise SetupError(
            f"{sys.executable} has neither pip nor venv ({error}); install them "
            f"(sudo apt-get install {package}), or uv ({GUIDE}), and run the same command again"
        ) from None


def _pip_environ() -> dict[str, str]:
    """Return the variables for pip. A configured ``user = true`` would contradict the target folder."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PIP_USER": "0"}
