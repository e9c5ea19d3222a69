"""The image of `serving/Dockerfile`, without Docker: it has what a release imports, and serves one."""

from __future__ import annotations

import ast
import http.client
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from kennel.serving import staging

ROOT = Path(__file__).resolve().parents[3]
IMAGE = ROOT / "serving"
DISTRIBUTIONS = {"PIL": "pillow"}
# Not for this host: Ray Serve's entry, and the runtime torch, which the image does not have.
ELSEWHERE = {"ray_application.py", "torch_runtime.py"}
PIN = re.compile(r"^([a-z0-9][\w.-]*)==(\S+)", re.MULTILINE)


def pins(path: Path) -> dict[str, str]:
    return dict(PIN.findall(path.read_text()))


def imported(path: Path) -> set[str]:
    """Return the names of the packages that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_the_image_has_every_package_that_a_release_imports(tmp_path: Path) -> None:
    staging.stage(tmp_path)
    files = [path for path in (tmp_path / "code").rglob("*.py") if path.name not in ELSEWHERE]
    own = {"kennel", *(path.stem for path in (tmp_path / "code").glob("*.py"))}
    names = set().union(*map(imported, files)) - own - set(sys.stdlib_module_names)

    assert "starlette" in names
    assert {DISTRIBUTIONS.get(name, name) for name in names} <= set(pins(IMAGE / "requirements.txt"))


def test_its_versions_are_those_that_are_tested_here() -> None:
    tested, installed = pins(ROOT / "requirements.txt"), pins(IMAGE / "requirements.txt")
    assert installed.items() <= tested.items()


def test_what_is_copied_exists_and_reaches_the_build() -> None:
    copied: list[str] = []
    for line in (IMAGE / "Dockerfile").read_text().splitlines():
        words = [word for word in line.split() if not word.startswith("--")]
        if words[:1] == ["COPY"] and "--from" not in line:
            copied += words[1:-1]
    sent = {line[1:] for line in (IMAGE / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert set(copied) == sent
    assert all((IMAGE / name).is_file() for name in copied)


@pytest.mark.parametrize("arguments", [["serve"], []], ids=["serve", "no argument"])
def test_the_program_refuses_a_folder_without_a_release(tmp_path: Path, arguments: list[str]) -> None:
    environment = {**os.environ, "SM_MODEL_DIR": str(tmp_path)}
    done = subprocess.run(
        [str(IMAGE / "serve"), *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"{tmp_path} holds no release: mount" in done.stderr


def test_the_program_serves_a_release_until_it_is_ended(folder: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(folder, model)
    staging.stage(model)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = f"{Path(sys.executable).parent}:{IMAGE}:{os.environ['PATH']}"
    environment = {"PATH": path, "SM_MODEL_DIR": str(model), "SAGEMAKER_BIND_TO_PORT": str(port)}
    process = subprocess.Popen(["serve", "serve"], env=environment, executable=str(IMAGE / "serve"))
    try:
        while (health := _health(environment)).returncode:
            assert process.poll() is None
            time.sleep(0.1)
        assert health.stdout.startswith('{"status"')
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        photo = io.BytesIO()
        Image.new("RGB", (64, 64), "red").save(photo, "JPEG")
        connection.request("POST", "/invocations", photo.getvalue(), {"Content-Type": "image/jpeg"})
        answer = connection.getresponse()
        assert (answer.status, answer.read()[:2]) == (200, b"[[")
        connection.close()
    finally:
        process.terminate()
        process.wait(30)
    assert _health(environment).returncode == 1


def _health(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(IMAGE / "healthy")], env=environment, capture_output=True, text=True, check=False
    )
