"""The launcher with a real Python, a real pip and packages made on the spot: no network, no stand-ins."""

from __future__ import annotations

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
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout that needs one package, in a folder with a space in its name."""
    root = tmp_path_factory.mktemp("launcher") / "a check out"
    (root / "src" / "kennel").mkdir(parents=True)
    shutil.copy2(ROOT / "kennel", root)
    (root / "wheels").mkdir()
    make_wheel(root / "wheels", "1.0")
    make_wheel(root / "wheels", "2.0")
    require(root, "1.0")
    (root / "src" / "kennel" / "__main__.py").write_text(
        "import subprocess, sys, tiny\n"
        "print(tiny.VERSION, subprocess.check_output(['tiny'], text=True).strip(), *sys.argv[1:])\n"
    )
    return root


def require(root: Path, version: str) -> None:
    """Make the checkout require that version."""
    wheels = (root / "wheels").as_uri()
    (root / "requirements.txt").write_text(f"--no-index\n--find-links {wheels}\ntiny=={version}\n")


def start(root: Path) -> subprocess.CompletedProcess[str]:
    """Start a task."""
    return subprocess.run(
        [str(root / "kennel"), "data.check"],
        cwd=root.parent,
        env={"PATH": os.environ["PATH"], "HOME": str(root.parent), "KENNEL_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_environment_is_made_kept_renewed_and_repaired(checkout: Path) -> None:
    made = start(checkout)
    assert made.stdout == "1.0 1.0 data.check\n", made.stderr
    kept = start(checkout)
    assert (kept.stdout, kept.stderr) == (made.stdout, "")

    require(checkout, "2.0")
    renewed = start(checkout)
    assert renewed.stdout == "2.0 2.0 data.check\n", renewed.stderr

    # As an interruption leaves it: no stamp, and a package whose record was not yet written.
    environment = checkout / ".venv"
    (environment / ".kennel-stamp").unlink()
    [record] = environment.glob("lib/python3.*/site-packages/tiny-2.0.dist-info/RECORD")
    record.unlink()
    (environment / "bin" / "tiny").unlink()
    repaired = start(checkout)
    assert repaired.stdout == "2.0 2.0 data.check\n", repaired.stderr
    assert record.exists()


def test_a_requirement_that_does_not_exist_is_named_and_costs_nothing(checkout: Path) -> None:
    require(checkout, "3.0")
    failed = start(checkout)
    assert failed.returncode == 1
    assert "No matching distribution found for tiny==3.0" in failed.stderr
    assert "Traceback" not in failed.stderr
    require(checkout, "2.0")
    assert start(checkout).stdout == "2.0 2.0 data.check\n"
