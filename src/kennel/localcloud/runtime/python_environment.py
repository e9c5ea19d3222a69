"""A workload's own Python environment: what the workload installs stays in it and hides Kennel's packages.

It is a virtual environment over the packages of Kennel's own environment: whatever is not installed in it
comes from there, and nothing that runs in it can change what is there.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
import tempfile
from importlib.metadata import entry_points
from pathlib import Path

from kennel.folders import WORKLOAD_PACKAGES
from kennel.localcloud.connection import SDK_PLUGIN

PACKAGES = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
CONTAINER_PATHS = Path(__file__).resolve().with_name("container_paths.py")
INSTALLER = Path(__file__).resolve().with_name("requirements_installer.py")
SCRIPT = """#!/usr/bin/env python
import sys
from {module} import {name}
sys.exit({call}())
"""


def make_environment(folder: Path) -> None:
    """Make an environment in a folder, unless it is there.

    Parameters
    ----------
    folder
        The environment; its Python is ``bin/python``.
    """
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    (draft / "bin").mkdir()
    for name in ("python", "python3", f"python3.{sys.version_info.minor}"):
        (draft / "bin" / name).symlink_to(base)
    version = ".".join(str(number) for number in sys.version_info[:3])
    settings = f"home = {base.parent}\ninclude-system-site-packages = false\nversion = {version}\n"
    (draft / "pyvenv.cfg").write_text(settings, encoding="utf-8")
    (draft / PACKAGES).mkdir(parents=True)
    below = {sysconfig.get_path(scheme): None for scheme in ("purelib", "platlib")}
    lines = "".join(f"import site; site.addsitedir({path!r})\n" for path in below)
    (draft / PACKAGES / "1_packages_below.pth").write_text(lines, encoding="utf-8")
    shutil.copy(SDK_PLUGIN, draft / PACKAGES)
    shutil.copy(CONTAINER_PATHS, draft / PACKAGES / "kennel_container_paths.py")
    (draft / PACKAGES / "2_container_paths.pth").write_text(
        "import kennel_container_paths\n", encoding="utf-8"
    )
    try:
        draft.chmod(0o755)
        draft.rename(folder)
    except OSError:  # another instance of the same workload has made it meanwhile
        shutil.rmtree(draft, ignore_errors=True)
        if not folder.exists():
            raise


def make_programs(folder: Path) -> None:
    """Make the programs of the packages that Kennel has installed; each runs with the Python on PATH.

    Parameters
    ----------
    folder
        Where they are put, for a workload's PATH.
    """
    if folder.exists():
        return
    draft = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    for entry in entry_points(group="console_scripts"):
        program = draft / entry.name
        name = entry.attr.partition(".")[0]
        program.write_text(SCRIPT.format(module=entry.module, name=name, call=entry.attr), encoding="utf-8")
        program.chmod(0o755)
    try:
        draft.rename(folder)
    except OSError:  # another workload has made it meanwhile
        shutil.rmtree(draft, ignore_errors=True)
        if not folder.exists():
            raise


def with_requirements(
    command: list[str], requirements: Path, directory: Path, environment: dict[str, str]
) -> list[str]:
    """Return a command that first installs a workload's requirements into its environment.

    Parameters
    ----------
    command
        What runs then, if they could be installed.
    requirements
        The requirements file, or ``setup.py`` of a package with its own; without it the command is returned
        as it is.
    directory
        The cloud's folder, which keeps what was installed before.
    environment
        The workload's environment variables.
    """
    if not requirements.exists():
        return command
    installer = [
        python(environment),
        "-P",
        str(INSTALLER),
        str(requirements),
        str(directory / WORKLOAD_PACKAGES),
    ]
    return ["/bin/sh", "-c", '"$1" "$2" "$3" "$4" "$5" && shift 5 && exec "$@"', "sh", *installer, *command]


def python(environment: dict[str, str]) -> str:
    """Return the Python of the workload with these environment variables."""
    return f"{environment['VIRTUAL_ENV']}/bin/python"
