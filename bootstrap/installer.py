"""uv: the one on PATH if it is new enough, else a pinned one in .tools/."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from bootstrap.output import CommandError, SetupError, run

OLDEST = (0, 11, 0)  # the first that knows UV_SYSTEM_CERTS
GUIDE = "https://docs.astral.sh/uv/getting-started/installation/"
PIN = re.compile(r"^uv==(\S+)", re.MULTILINE)


def find_uv(root: Path, tools: Path, python: Path, python_version: str) -> Path:
    """Return uv's path; install it into `tools` if there is none.

    Parameters
    ----------
    root
        The checkout, whose ``requirements-uv.txt`` pins uv and its hashes.
    tools
        The folder for downloaded programs.
    python, python_version
        The Python whose pip installs it.
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
        _install(requirements, folder, tools / "uv.log", python, python_version)
        if version(folder / "bin/uv") < OLDEST:
            raise SetupError(
                f"the uv in {folder} does not run here; install uv ({GUIDE}) so that it is on PATH"
            )
    return folder / "bin/uv"


def version(program: str | Path) -> tuple[int, ...]:
    """Return the version of a uv, (0,) if it does not run."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return (0,)
    number = re.match(r"uv (\d+)\.(\d+)\.(\d+)", answer)
    return tuple(map(int, number.groups())) if number else (0,)


def _install(requirements: Path, folder: Path, log: Path, python: Path, python_version: str) -> None:
    """Install uv with pip, its hash checked; the folder is complete or absent."""
    part = folder.with_name("uv.part")
    for old in (part, folder):
        shutil.rmtree(old, ignore_errors=True)
    log.unlink(missing_ok=True)
    # A configured `user = true` would contradict the target folder.
    environ = {**os.environ, "PIP_USER": "0"}
    install = ["-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--progress-bar", "off"]
    checked = ["--require-hashes", "--only-binary", ":all:", "-r", str(requirements)]
    try:
        try:
            run([python, *install, *checked, "--target", part], "installing uv", log, environ=environ)
        except CommandError as error:
            if "No module named pip" not in str(error):
                raise
            _make_pip(part, log, python, python_version)
            run([part / "bin/python", *install, *checked], "installing uv", log, environ=environ)
    except CommandError as error:
        raise SetupError(
            f"uv could not be installed: {error}; check network, proxy and index (pip config list), "
            f"or install uv ({GUIDE}), and run the same command again"
        ) from None
    part.rename(folder)


def _make_pip(folder: Path, log: Path, python: Path, python_version: str) -> None:
    """Make an environment that has pip, for a Python that has none."""
    try:
        run([python, "-m", "venv", folder], "making an environment for pip", log, environ=os.environ)
    except CommandError as error:
        package = f"python{python_version.rpartition('.')[0]}-venv"
        raise SetupError(
            f"{python} has neither pip nor venv ({error}); install them (sudo apt-get install {package}), "
            f"or uv ({GUIDE}), and run the same command again"
        ) from None
