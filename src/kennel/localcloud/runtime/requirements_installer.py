"""Installs a requirements file into the environment of the Python that runs this program.

It is started by path, with the file and a folder. A file of names and versions only is installed once for all
workloads, into a folder named after its contents, and linked into the environment. One that names files or
indexes of its own may mean something else each time: it is installed into the environment itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
# A name, extras, versions and a marker; nothing that names a file, an address or an option.
PLAIN = re.compile(r"[A-Za-z0-9][\w.-]*\s*(\[[\w\s,.-]*\])?\s*([<>=!~][^/@\\]*)?(;[^/@\\]*)?")
SETUP = "setup.py"
FILES = (".whl", ".zip", ".tar.gz")


def is_plain(text: str) -> bool:
    """Return whether a requirements file has names and versions only."""
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines()]
    return all(PLAIN.fullmatch(line) and not line.endswith(FILES) for line in lines if line)


def key(text: str) -> str:
    """Return what names an installation: the requirements, this Python, and where pip looks for packages."""
    settings = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("PIP_")]
    parts = [text, sys.version, sys.base_prefix, *settings]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file's lock: other hosts and instances wait."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install(requirements: Path, *options: str) -> None:
    """Run pip.

    Raises
    ------
    SystemExit
        pip failed; the workload ends with its status.
    """
    what = ["-r", requirements.name]
    if requirements.name == SETUP:  # a whole package, as AWS's training toolkit installs it
        beside = requirements.with_name("requirements.txt")
        what = [".", *(["-r", beside.name] if beside.exists() else [])]
    command = [sys.executable, "-m", "pip", "install", *options, *what]
    pip = subprocess.run(command, cwd=requirements.parent, check=False)
    if pip.returncode:
        raise SystemExit(pip.returncode)


def link(installed: Path) -> None:
    """Make the environment see what is in another folder: its packages and its programs."""
    environment = Path(sys.prefix)
    text = f"import site; site.addsitedir({str(installed / PACKAGES)!r})\n"
    (environment / PACKAGES / "0_requirements.pth").write_text(text, encoding="utf-8")
    for program in (installed / "bin").glob("*"):
        with contextlib.suppress(FileExistsError):
            (environment / "bin" / program.name).symlink_to(program)


def main(requirements: Path, cache: Path) -> None:
    """Install a requirements file, with what the folder ``cache`` keeps."""
    text = requirements.read_text(encoding="utf-8")
    if requirements.name == SETUP or not is_plain(text):
        with locked(Path(sys.prefix, ".lock")):
            install(requirements)
        return
    cache.mkdir(parents=True, exist_ok=True)
    installed = cache / key(text)
    with locked(installed.with_suffix(".lock")):
        if not installed.exists():
            draft = installed.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            install(requirements, "--prefix", str(draft))
            draft.mkdir(exist_ok=True)  # all was there already
            for program in (draft / "bin").glob("*"):
                content = program.read_bytes()
                # The environment that pip ran in goes with its workload; PATH names each workload's own.
                own = f"#!{sys.executable}\n".encode()
                if content.startswith(own):
                    program.write_bytes(b"#!/usr/bin/env python\n" + content.removeprefix(own))
            draft.rename(installed)
        else:
            print(f"{requirements.name}: installed before", flush=True)
    link(installed)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
