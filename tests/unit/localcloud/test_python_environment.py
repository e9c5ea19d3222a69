"""What a workload installs goes into an environment of its own, never into Kennel's."""

from __future__ import annotations

import os
import subprocess
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from kennel.folders import WORKLOAD_PACKAGES
from kennel.localcloud.runtime import python_environment
from kennel.localcloud.runtime.requirements_installer import is_plain

OLD = "2.0"  # of a package that Kennel itself needs


def wheel(folder: Path, name: str, version: str) -> Path:
    """Write a wheel with one module, which has its version, and one program."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    information = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", f"version = {version!r}\ndef main(): print(version)\n")
        archive.writestr(
            f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{information}/entry_points.txt", f"[console_scripts]\nshow-{name} = {name}:main\n")
        archive.writestr(f"{information}/RECORD", "")
    return path


class Host:
    """A workload's environment variables, as the local cloud makes them."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.environment = folder / "home" / ".python"
        python_environment.make_environment(self.environment)
        programs = folder.parent / "programs"
        python_environment.make_programs(programs)
        self.variables = {
            "PATH": os.pathsep.join([str(self.environment / "bin"), str(programs), "/usr/bin", "/bin"]),
            "VIRTUAL_ENV": str(self.environment),
            "HOME": str(folder / "home"),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
        }

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self.variables, capture_output=True, text=True, check=False)

    def install(
        self, requirements: Path, directory: Path, command: list[str]
    ) -> subprocess.CompletedProcess[str]:
        return self.run(
            python_environment.with_requirements(command, requirements, directory, self.variables)
        )


def test_requirements_hide_kennels_packages_and_are_installed_once_for_all(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "idna", OLD)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("idna<3  # older than Kennel's\n")
    mine = metadata.version("idna")
    show = ["python", "-c", "import idna, boto3; print('version', idna.version)"]
    first, second = (
        Host(tmp_path / "first", tmp_path / "wheels"),
        Host(tmp_path / "second", tmp_path / "wheels"),
    )
    installed = first.install(requirements, tmp_path, show)
    assert installed.stdout.splitlines()[-1] == f"version {OLD}", installed.stderr
    again = second.install(requirements, tmp_path, ["show-idna"])
    assert again.stdout.splitlines() == ["requirements.txt: installed before", OLD]
    assert metadata.version("idna") == mine
    assert mine != OLD
    other = Host(tmp_path / "third", tmp_path / "wheels").run(["pip", "list"])
    assert f"idna {mine}".split() in [line.split() for line in other.stdout.splitlines()], other.stderr


def test_a_requirement_that_names_a_file_is_installed_into_the_environment_itself(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    wheel(code / "lib", "dogs", "1.0")
    (code / "requirements.txt").write_text("./lib/dogs-1.0-py3-none-any.whl\n")
    host = Host(tmp_path / "host", tmp_path / "none")
    done = host.install(code / "requirements.txt", tmp_path, ["show-dogs"])
    assert done.stdout.splitlines()[-1] == "1.0", done.stderr
    assert (host.environment / python_environment.PACKAGES / "dogs").is_dir()
    assert not (tmp_path / WORKLOAD_PACKAGES).exists()


def test_without_what_is_required_the_program_does_not_run(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("no-such-package==1\n")
    host = Host(tmp_path / "host", tmp_path)
    done = host.install(tmp_path / "requirements.txt", tmp_path, ["python", "-c", "print('ran')"])
    assert done.returncode == 1
    assert "ran" not in done.stdout
    assert "No matching distribution found for no-such-package==1" in done.stderr


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("torchmetrics==1.0\n\n# comment\ntimm[extra] >=0.9,<2 ; python_version < '4'\n", True),
        ("timm  # why\n", True),
        ("-r other.txt", False),
        ("--index-url https://example.com/simple\ntimm", False),
        ("./timm", False),
        ("timm-1.0-py3-none-any.whl", False),
        ("timm @ git+https://example.com/timm", False),
        ("timm==1 --hash=sha256:0", True),
    ],
)
def test_only_names_and_versions_are_the_same_for_all_workloads(text: str, plain: bool) -> None:
    assert is_plain(text) == plain
