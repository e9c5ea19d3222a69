"""A temporary checkout for the launcher: the real script, small requirements, stand-ins for what it calls."""

from __future__ import annotations

import contextlib
import hashlib
import platform
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

# A Python that can be told to be old, to fail or to hang. It makes environments whose own python is itself.
PYTHON = """#!/bin/bash
version="${FAKE_PYTHON_VERSION:-3.11.9}"
echo "$0 $*" >> "$FAKE_CALLS"
case "$1 ${2:-}" in
  "-c import sys; print"*) echo "$version" ;;
  "-m venv")
    [ -z "${FAKE_VENV_FAILS:-}" ] || { echo "Error: ensurepip is not available" >&2; exit 1; }
    mkdir -p "$3/bin" "$3/lib/python3.11/site-packages"
    cp "$0" "$3/bin/python"
    printf '#!%s\\n' "$3/bin/python" > "$3/bin/pip"
    printf 'home = /usr/bin\\nversion = %s\\n' "$version" > "$3/pyvenv.cfg" ;;
  "-m pip")
    [ "$3" = install ] || exit 0
    echo "Collecting something"
    if [ -n "${FAKE_PIP_HANGS:-}" ]; then
      echo $$ > "$FAKE_PIP_HANGS.new"
      mv "$FAKE_PIP_HANGS.new" "$FAKE_PIP_HANGS"
      exec sleep 60
    fi
    if [ -n "${FAKE_PIP_FAILS:-}" ]; then echo "ERROR: $FAKE_PIP_FAILS" >&2; exit 1; fi ;;
  "-P -m")
    shift 3
    echo "arguments: $*"
    echo "here: $PWD"
    echo "terraform: ${KENNEL_TERRAFORM:-none}"
    echo "mirror: ${KENNEL_PROVIDER_MIRROR:-none}"
    echo "path: $PYTHONPATH" ;;
  *) exec "$REAL_PYTHON" "$@" ;;
esac
"""

TERRAFORM = """#!/bin/sh
echo "Terraform v{version}"
echo "on linux_amd64"
"""

# All that the launcher may need beside a Python.
SYSTEM = """
bash sh env cat cp rm mv mkdir touch ln ls dirname readlink uname tr tail head sed grep sleep tput
sha256sum shasum cksum
"""


def _platform() -> str:
    """Name this machine as HashiCorp's releases do."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{platform.system().lower()}_{machine}"


@dataclass
class Checkout:
    """A copy of the launcher in a folder of its own, and a PATH on which only its stand-ins lie."""

    root: Path
    programs: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def calls(self) -> list[str]:
        """What was asked of the stand-in Python, one line a call."""
        log = self.root / "calls"
        return log.read_text().splitlines() if log.exists() else []

    def installs(self) -> list[str]:
        """The calls that installed requirements."""
        return [call for call in self.calls if " -m pip install " in call]

    def program(self, name: str, text: str) -> Path:
        """Put a program on the checkout's PATH."""
        path = self.programs / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def terraform(self, version: str) -> Path:
        """Put a Terraform of that version on PATH."""
        return self.program("terraform", TERRAFORM.format(version=version))

    def serve_terraform(self) -> None:
        """Let `curl` answer every download with a zip that holds a Terraform, and pin that zip's checksum."""
        archive = self.root / "release.zip"
        with zipfile.ZipFile(archive, "w") as release:
            release.writestr("terraform", TERRAFORM.format(version="1.11.4"))
            release.writestr("LICENSE.txt", "")
        self.program("curl", f'#!/bin/bash\nwhile [ "$1" != -o ]; do shift; done\ncp "{archive}" "$2"\n')
        self.pin(hashlib.sha256(archive.read_bytes()).hexdigest())

    def pin(self, digest: str) -> None:
        """Make the launcher expect that SHA-256 of the release for this machine."""
        launcher = self.root / "kennel"
        kind = _platform()
        lines = [
            f"    {kind}) echo {digest} ;;" if line.strip().startswith(f"{kind})") else line
            for line in launcher.read_text().splitlines()
        ]
        launcher.write_text("\n".join(lines) + "\n")

    def environment(self, **variables: str) -> dict[str, str]:
        """Return the variables that a start gets: nothing of the machine's own but the system's folders."""
        return {
            "PATH": str(self.programs),
            "HOME": str(self.root / "home"),
            "XDG_DATA_DIRS": str(self.root / "share"),
            "FAKE_CALLS": str(self.root / "calls"),
            "REAL_PYTHON": sys.executable,
            **self.variables,
            **variables,
        }

    def start(
        self, *words: str, cwd: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the launcher to its end."""
        return subprocess.run(
            [str(self.root / "kennel"), *words],
            cwd=cwd or self.root,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def begin(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """Start the launcher and return at once."""
        return subprocess.Popen(
            [str(self.root / "kennel"), *words],
            cwd=self.root,
            env=self.environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def begin_and_hang_in_pip(self, *words: str) -> tuple[subprocess.Popen[str], int]:
        """Start the launcher; return it and its installer's id once that installs, for a minute."""
        mark = self.root / "hanging"
        process = self.begin(*words, FAKE_PIP_HANGS=str(mark))
        while not mark.exists():
            assert process.poll() is None, process.communicate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.02)
        return process, int(mark.read_text())


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Make a checkout in a folder whose name has a space, with the stand-in Python and no Terraform."""
    root = tmp_path / "a check out"
    programs = tmp_path / "programs"
    for path in (root / "src", root / "home", programs):
        path.mkdir(parents=True)
    shutil.copy2(ROOT / "kennel", root / "kennel")
    (root / "requirements.txt").write_text("something==1\n")
    (root / "requirements-audit.txt").write_text("auditor==1\n")
    for name in SYSTEM.split():
        found = shutil.which(name)
        if found:
            (programs / name).symlink_to(found)
    made = Checkout(root, programs)
    made.program("python3.11", PYTHON)
    return made


@pytest.fixture
def release_platform() -> str:
    """This machine, as HashiCorp's releases and mirrors name it."""
    return _platform()
