"""What a release's `code/` holds, and that it serves the folder that it is in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kennel.serving import staging

ANSWER = """
import sys
for name in ("boto3", "torch", "rich", "fastapi"):
    sys.modules[name] = None  # an import of it fails
import asyncio, io, json
from PIL import Image
from kennel.serving.application import create
import kennel
import asgi
from kennel.serving import model
photo = io.BytesIO()
Image.new("RGB", (90, 90), (200, 10, 20)).save(photo, "PNG")
served = model.load(asgi.FOLDER)
print(json.dumps([kennel.__file__, served.release, served.logits(photo.getvalue())]))
"""


@pytest.fixture
def release(folder: Path, tmp_path: Path) -> Path:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    staging.stage(tmp_path)
    return tmp_path


def test_the_staged_code_serves_without_the_rest_of_the_project(release: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{release}{os.pathsep}{release / 'code'}"}
    process = subprocess.run(
        [sys.executable, "-c", ANSWER], env=environment, cwd="/", capture_output=True, text=True, check=True
    )
    where, name, logits = json.loads(process.stdout)
    assert Path(where).is_relative_to(release / "code")
    assert name == "r-42"
    assert logits == pytest.approx([200, 10, 20], abs=1e-3)


def test_ray_serve_is_told_of_the_same_application(release: Path) -> None:
    import yaml

    (configured,) = yaml.safe_load((release / "config.yaml").read_text())["applications"]
    module, _, name = configured["import_path"].partition(":")
    assert configured["route_prefix"] == "/"
    assert f"\n{name} = " in (release / "code" / f"{module}.py").read_text()


def test_the_classifier_is_staged_for_torch_only(release: Path) -> None:
    assert not (release / "code" / "kennel" / "classifier").exists()
    staging.stage(release, classifier=True)
    assert (release / "code" / "kennel" / "classifier" / "networks.py").is_file()
    assert not list(release.rglob("__pycache__"))
