"""The function's zip, and that its code needs nothing that Lambda does not provide."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kennel.aws import StackError
from kennel.aws.infrastructure import function_package

SOURCE = Path(__file__).resolve().parents[3] / "lambda" / "predict"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the function's folder at its place in a checkout."""
    return Path(shutil.copytree(SOURCE, tmp_path / "lambda" / "predict"))


def test_it_is_where_terraform_reads_it(source: Path, tmp_path: Path) -> None:
    assert function_package.build(source) == tmp_path / "build" / "function" / "predict.zip"


def test_the_same_sources_make_the_same_bytes(source: Path, tmp_path: Path) -> None:
    first = function_package.build(source, tmp_path / "1.zip").read_bytes()
    (source / "__pycache__").mkdir(exist_ok=True)
    (source / "__pycache__" / "app.cpython-311.pyc").write_bytes(b"compiled")
    for path in source.glob("*.py"):
        os.utime(path, (10**9, 10**9))
        path.chmod(0o700)
    moved = source.rename(tmp_path / "elsewhere")
    assert function_package.build(moved, tmp_path / "2.zip").read_bytes() == first


def test_an_unchanged_zip_is_left_untouched(source: Path) -> None:
    target = function_package.build(source)
    os.utime(target, (10**9, 10**9))
    function_package.build(source)
    assert target.stat().st_mtime == 10**9


def test_a_changed_source_changes_the_zip(source: Path) -> None:
    before = function_package.build(source).read_bytes()
    (source / "app.py").write_text("def handler(event, context):\n    raise RuntimeError\n")
    assert function_package.build(source).read_bytes() != before


def test_its_members_are_readable_for_the_runtime_s_user(source: Path) -> None:
    with zipfile.ZipFile(function_package.build(source)) as archive:
        assert archive.testzip() is None
        assert {member.external_attr >> 16 for member in archive.infolist()} == {0o100644}
        assert sorted(archive.namelist()) == sorted(path.name for path in SOURCE.glob("*.py"))


def test_the_handler_is_found_in_the_zip_itself(source: Path) -> None:
    archive = function_package.build(source)
    code = "import app; print(app.handler({}, None)['statusCode'])"
    completed = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(archive), "AWS_REGION": "us-east-1", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert completed.stdout.splitlines()[-1] == "400"


def test_a_folder_without_a_handler_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"has no app\.py"):
        function_package.build(tmp_path)


def test_it_imports_the_standard_library_only() -> None:
    modules = {path.stem for path in SOURCE.glob("*.py")}
    for path in SOURCE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                top = name.partition(".")[0]
                assert top in sys.stdlib_module_names | modules, f"{path.name}: {name}"


def test_no_module_hides_one_of_the_standard_library() -> None:
    assert not {path.stem for path in SOURCE.glob("*.py")} & sys.stdlib_module_names
