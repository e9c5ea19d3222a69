"""A temporary checkout for the launcher: real scripts, small requirements, stand-ins for what they call."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import platform
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT))  # for `bootstrap`, which is beside the launcher

# A Python that can be made old or without pip. The variables name its version and pip's configuration.
PYTHON = """#!/bin/bash
version="${FAKE_PYTHON_VERSION:-3.11.9}"
echo "$0 $*" >> "$FAKE_CALLS"
case "$1 ${2:-}" in
  "-c import sys; print"*) echo "$version" ;;
  "-m venv")
    [ -z "${FAKE_VENV_FAILS:-}" ] || { echo "Error: ensurepip is not available" >&2; exit 1; }
    exec "$REAL_PYTHON" "$@" ;;
  "-m pip")
    [ -z "${FAKE_NO_PIP:-}" ] || { echo "$0: No module named pip" >&2; exit 1; }
    case "$*" in
      *"config list"*) printf '%s' "${FAKE_PIP_CONFIG:-}" ;;
      *) exec "$REAL_PYTHON" "$@" ;;
    esac ;;
  "-P -m")
    shift 3
    echo "arguments: $*"
    echo "here: $PWD"
    echo "terraform: ${KENNEL_TERRAFORM:-none}"
    echo "mirror: ${KENNEL_PROVIDER_MIRROR:-none}"
    echo "path: $PYTHONPATH"
    echo "bytecode: ${PYTHONDONTWRITEBYTECODE:-kept}"
    echo "marks: ${KENNEL_SET_UP_BY:-none}" ;;
  *) exec "$REAL_PYTHON" "$@" ;;
esac
"""

# A uv that can be made old, to fail or to hang. It makes environments whose Python is the stand-in.
UV = """#!/bin/bash
echo "uv $*" >> "$FAKE_CALLS"
env > "$FAKE_CALLS.environ"
case "$1" in
  --version) echo "uv ${FAKE_UV_VERSION:-0.13.9} (somewhere)" ;;
  venv)
    folder="${!#}"
    if [ -n "${FAKE_UV_VENV_FAILS:-}" ]; then echo "error: $FAKE_UV_VENV_FAILS" >&2; exit 2; fi
    mkdir -p "$folder/bin" "$folder/lib/python3.11/site-packages"
    cp "$FAKE_INTERPRETER" "$folder/bin/python" ;;
  pip)
    if [ -n "${FAKE_UV_HANGS:-}" ]; then
      echo $$ > "$FAKE_UV_HANGS.new"
      mv "$FAKE_UV_HANGS.new" "$FAKE_UV_HANGS"
      exec sleep 60
    fi
    case "$*" in
      *"--default-index https://download.pytorch.org"*) [ -z "${FAKE_NO_CPU_INDEX:-}" ] ;;
      *) [ -z "${FAKE_UV_FAILS:-}" ] ;;
    esac || { printf 'error: it failed\\n  cause: %s\\n' "${FAKE_UV_FAILS:-dns error}" >&2; exit 2; } ;;
esac
"""

TERRAFORM = """#!/bin/sh
echo "Terraform v{version}"
echo "on linux_amd64"
"""

# All that the launcher may need beside a Python and a uv.
SYSTEM = "bash sh env cat cp rm mv mkdir touch ls dirname readlink uname tr sed sleep cmp"

# Compiled requirements in small: what the CPU build replaces is torch, torchvision and the packages for CUDA.
REQUIREMENTS = """# compiled
something==1 \\
    --hash=sha256:11
    # via -r requirements.in
nvidia-cublas==13.1 ; sys_platform == 'linux' \\
    --hash=sha256:22
    # via torch
torch==2.14.1 \\
    --hash=sha256:33
torchvision==0.29.1 \\
    --hash=sha256:44
triton==3.8.0 ; sys_platform == 'linux' \\
    --hash=sha256:55
zipp==4.1.2 \\
    --hash=sha256:66
"""


def _platform() -> str:
    """Name this machine as HashiCorp's releases do."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{platform.system().lower()}_{machine}"


@dataclass
class Checkout:
    """A copy of the launcher in a folder of its own, and a PATH that holds its stand-ins only."""

    root: Path
    programs: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def calls(self) -> list[str]:
        """What the stand-ins were called with, one line a call."""
        log = self.root / "calls"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def uv_environ(self) -> dict[str, str]:
        """The variables that uv was last called with."""
        lines = (self.root / "calls.environ").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def installs(self) -> list[str]:
        """The calls that installed requirements."""
        return [call for call in self.calls if call.startswith("uv pip ")]

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
        """Make the set-up expect that SHA-256 of the release for this machine."""
        module = self.root / "bootstrap/terraform_download.py"
        text, count = re.subn(rf'(_{_platform()}\.zip": )"\w+"', rf'\1"{digest}"', module.read_text())
        assert count == 1
        module.write_text(text)

    def serve_uv(self, digest: str | None = None) -> None:
        """Take uv from PATH; pin one in a folder of wheels instead, with its SHA-256 or the given one."""
        (self.programs / "uv").unlink()
        wheels = self.root / "wheels"
        wheels.mkdir()
        files = {
            "uv-0.13.9.data/scripts/uv": UV,
            "uv-0.13.9.dist-info/METADATA": "Metadata-Version: 2.1\nName: uv\nVersion: 0.13.9\n",
            "uv-0.13.9.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(f"{path},{_digest(text)},{len(text)}\n" for path, text in files.items())
        archive = wheels / "uv-0.13.9-py3-none-any.whl"
        with zipfile.ZipFile(archive, "w") as wheel:
            for path, text in {**files, "uv-0.13.9.dist-info/RECORD": record}.items():
                entry = zipfile.ZipInfo(path)
                entry.external_attr = (stat.S_IFREG | 0o755) << 16  # pip keeps the mode of programs
                wheel.writestr(entry, text)
        digest = digest or hashlib.sha256(archive.read_bytes()).hexdigest()
        (self.root / "requirements-uv.txt").write_text(
            f"--no-index\n--find-links {wheels.as_uri()}\nuv==0.13.9 --hash=sha256:{digest}\n"
        )

    def environment(self, **variables: str) -> dict[str, str]:
        """Return the variables that a start gets: nothing of the machine's own but the system's folders."""
        return {
            "PATH": str(self.programs),
            "HOME": str(self.root / "home"),
            "XDG_DATA_DIRS": str(self.root / "share"),
            "FAKE_CALLS": str(self.root / "calls"),
            "FAKE_INTERPRETER": str(self.root / "interpreter"),
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

    def begin_and_hang_in_uv(self, *words: str) -> tuple[subprocess.Popen[str], int]:
        """Start the launcher; return it and its installer's id once that installs, for a minute."""
        mark = self.root / "hanging"
        process = self.begin(*words, FAKE_UV_HANGS=str(mark))
        while not mark.exists():
            assert process.poll() is None, process.communicate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.02)
        return process, int(mark.read_text())


def _digest(text: str) -> str:
    """Return the digest of a file as a wheel's RECORD has it."""
    raw = hashlib.sha256(text.encode()).digest()
    return f"sha256={base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Make a checkout in a folder whose name has a space, with stand-ins for Python and uv, no Terraform."""
    root = tmp_path / "a check out"
    programs = tmp_path / "programs"
    for path in (root / "src", root / "home", programs):
        path.mkdir(parents=True)
    shutil.copy2(ROOT / "kennel", root / "kennel")
    shutil.copytree(ROOT / "bootstrap", root / "bootstrap", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "requirements.txt").write_text(REQUIREMENTS)
    (root / "requirements-audit.txt").write_text("auditor==1 --hash=sha256:77\n")
    shutil.copy2(ROOT / "requirements-uv.txt", root)
    for name in SYSTEM.split():
        path = shutil.which(name)
        if path:
            (programs / name).symlink_to(path)
    checkout = Checkout(root, programs)
    checkout.program("uv", UV)
    shutil.copy2(checkout.program("python3.11", PYTHON), root / "interpreter")
    return checkout


@pytest.fixture
def release_platform() -> str:
    """This machine, as HashiCorp's releases and mirrors name it."""
    return _platform()
