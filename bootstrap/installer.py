"""uv: the one on PATH if it is new enough, else a pinned one in .tools/."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bootstrap.output import CommandError, SetupError, run

OLDEST = (0, 11, 0)  # the first that knows UV_SYSTEM_CERTS
PIN = re.compile(r"^uv==(\S+)", re.MULTILINE)


def find_uv(root: Path, tools: Path, lock: int) -> Path:
    """Return uv's path; install it into `tools` if there is none.

    Parameters
    ----------
    root
        The checkout, whose ``requirements-uv.txt`` pins uv and its hashes.
    tools
        The folder for downloaded programs.
    lock
        The file descriptor of the set-up's lock.
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
        _install(requirements, folder, tools / "uv.log", lock)
    return folder / "bin/uv"


def version(program: str | Path) -> tuple[int, ...]:
    """Return the version of a uv, (0,) if it does not run."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return (0,)
    number = re.match(r"uv (\d+)\.(\d+)\.(\d+)", answer)
    return tuple(map(int, number.groups())) if number else (0,)


def _install(requirements: Path, folder: Path, log: Path, lock: int) -> None:
    """Install uv with pip, its hash checked; the folder is complete or absent."""
    part = folder.with_name("uv.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    log.unlink(missing_ok=True)
    python: str | Path = sys.executable
    target = ["--target", str(part)]
    environ = pip_environ(os.environ)
    try:
        if not importlib.util.find_spec("pip"):
            python, target = part / "bin/python", []
            run([sys.executable, "-m", "venv", part], "making an environment for pip", log, environ=environ)
        install = [python, "-m", "pip", "install", "--require-hashes", "--only-binary", ":all:"]
        options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "-r", requirements]
        run([*install, *options, *target], "installing uv", log, environ=environ, keep_open=[lock])
    except CommandError as error:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        remedy = (
            "install uv (https://docs.astral.sh/uv/getting-started/installation/)"
            if python == sys.executable or (part / "bin/pip").exists()
            else f"install pip and venv (sudo apt-get install {package}) or uv"
        )
        raise SetupError(
            f"uv could not be installed: {error}; {remedy} and run the same command again"
        ) from None
    part.rename(folder)


def pip_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for pip: a configured ``user`` contradicts the target folder."""
    return {name: value for name, value in environ.items() if name != "PYTHONPATH"} | {"PIP_USER": "0"}
