"""The launcher with a real Python, a real uv and packages made on the spot: no network, no stand-ins."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow


def make_wheel(folder: Path, version: str) -> None:
    """Write a wheel of a package that knows its version and has a program."""
    name = f"tiny-{version}"
    files = {
        "tiny.py": f"VERSION = {version!r}\n\n\ndef main():\n    print(VERSION)\n",
        f"{name}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
        f"{name}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{name}.dist-info/entry_points.txt": "[console_scripts]\ntiny = tiny:main\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{name}.dist-info/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        for path, text in {**files, f"{name}.dist-info/RECORD": record}.items():
            wheel.writestr(path, text)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, uv: Path) -> Path:
    """A checkout that needs one package, in a folder with a space in its name."""
    root = tmp_path_factory.mktemp("launcher") / "a check out"
    (root / "src" / "kennel").mkdir(parents=True)
    shutil.copy2(ROOT / "kennel", root)
    shutil.copytree(ROOT / "bootstrap", root / "bootstrap", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "bin").mkdir()
    (root / "bin" / "uv").symlink_to(uv)
    (root / "wheels").mkdir()
    make_wheel(root / "wheels", "1.0")
    make_wheel(root / "wheels", "2.0")
    require(root, "1.0")
    (root / "src" / "kennel" / "__main__.py").write_text(
        "import subprocess, sys, tiny\n"
        "print(tiny.VERSION, subprocess.check_output(['tiny'], text=True).strip(), *sys.argv[1:])\n"
    )
    return root


def require(root: Path, version: str, digest: str | None = None) -> None:
    """Make the checkout require that version, with the hash of its wheel or the given one."""
    wheels = root / "wheels"
    wheel = wheels / f"tiny-{version}-py3-none-any.whl"
    digest = digest or hashlib.sha256(wheel.read_bytes() if wheel.exists() else b"").hexdigest()
    (root / "requirements.txt").write_text(
        f"--no-index\n--find-links {wheels.as_uri()}\ntiny=={version} --hash=sha256:{digest}\n"
    )


def start(root: Path) -> subprocess.CompletedProcess[str]:
    """Start a task."""
    return subprocess.run(
        [str(root / "kennel"), "data.check"],
        cwd=root.parent,
        env={
            "PATH": f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(root.parent),
            "KENNEL_PYTHON": sys.executable,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_environment_is_made_kept_renewed_and_repaired(checkout: Path) -> None:
    first = start(checkout)
    assert first.stdout == "1.0 1.0 data.check\n", first.stderr
    second = start(checkout)
    assert (second.stdout, second.stderr) == (first.stdout, "")

    require(checkout, "2.0")
    renewed = start(checkout)
    assert renewed.stdout == "2.0 2.0 data.check\n", renewed.stderr

    # As an interruption leaves it: no stamp, and a package whose record is still the wheel's.
    environment = checkout / ".venv"
    (environment / ".kennel-stamp").unlink()
    [record] = environment.glob("lib/python3.*/site-packages/tiny-2.0.dist-info/RECORD")
    complete = record.read_text()
    assert "tiny-2.0.dist-info/INSTALLER" in complete
    record.write_text("".join(line for line in complete.splitlines(keepends=True) if "INSTALLER" not in line))
    (environment / "bin" / "tiny").unlink()
    repaired = start(checkout)
    assert repaired.stdout == "2.0 2.0 data.check\n", repaired.stderr
    assert record.read_text() == complete


def test_a_requirement_that_does_not_exist_is_named_and_costs_nothing(checkout: Path) -> None:
    require(checkout, "3.0")
    failed = start(checkout)
    assert failed.returncode == 1
    [_, line] = failed.stderr.splitlines()
    assert "there is no version of tiny==3.0" in line
    require(checkout, "2.0")
    assert start(checkout).stdout == "2.0 2.0 data.check\n"


def test_a_package_with_another_hash_is_refused(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv", ignore_errors=True)
    require(checkout, "1.0", digest="0" * 64)
    failed = start(checkout)
    assert failed.returncode == 1
    [_, line] = failed.stderr.splitlines()
    assert "Hash mismatch for `tiny==1.0`" in line
    assert "see which index serves that file" in line
    assert not list((checkout / ".venv").glob("lib/python3.*/site-packages/tiny*"))
