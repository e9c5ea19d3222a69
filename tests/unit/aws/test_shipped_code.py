"""What releases and bundles contain: the code that runs there, not the code that draws sample photos."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from kennel.aws import session
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import releases
from kennel.aws.release.releases import Release
from kennel.aws.session import Workspace
from kennel.aws.training import bundle
from kennel.classifier import networks
from kennel.packaging import build
from kennel.serving import staging

JOB = "kennel-local-ec2-1"
ARCH = "mobilenet_v3_small"
TAIL = '"sickle": (1.1, 0.36)'
"""In dog.py: how much a sickle tail bends, and its length."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a model archive such as a training leaves."""
    import torch

    torch.manual_seed(0)
    network = networks.build(ARCH, 2)
    weights = io.BytesIO()
    torch.save(network.state_dict(), weights)
    model = networks.description(network, ARCH, ("001.Affenpinscher", "002.Afghan_hound"), 0, 0.2)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in {
            "model.pth": weights.getvalue(),
            "model.json": json.dumps(model).encode(),
            "metrics.json": b'{"test_top1": 0.5}',
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a copy of the source tree."""
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(session.ROOT / "src", tmp_path / "checkout" / "src", ignore=ignore)
    return tmp_path / "checkout"


@pytest.fixture
def package(
    stack: Stack, archive: bytes, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Release]:
    """Return a function that makes a release of one trained model with the code as it is now."""
    s3 = boto3.client("s3")
    s3.put_object(Bucket="artifacts", Key="model.tar.gz", Body=archive)
    record = json.dumps({"artifact": "s3://artifacts/model.tar.gz"}).encode()
    s3.put_object(Bucket="artifacts", Key=f"training/{JOB}/record.json", Body=record)
    monkeypatch.setattr(build, "_WARM_UP", 0)  # how long an answer takes is not in question
    monkeypatch.setattr(build, "_TIMED", 1)
    workspace = Workspace("local", tmp_path / "build", root)
    return lambda: releases.package(workspace, stack, JOB, runtime="torch")


def bend_the_tail(root: Path) -> None:
    dog = root / "src" / "kennel" / "sample_photos" / "dog.py"
    source = dog.read_text()
    assert TAIL in source
    dog.write_text(source.replace(TAIL, '"sickle": (2.2, 0.36)'))


def test_a_change_of_the_drawn_tail_leaves_releases_and_bundles_as_they_are(
    package: Callable[[], Release], root: Path
) -> None:
    release, bundled = package(), bundle.pack(root)

    bend_the_tail(root)

    assert package().id == release.id
    assert bundle.pack(root) == bundled


@pytest.fixture
def shipped(root: Path, tmp_path: Path) -> Callable[[], dict[str, str]]:
    """Return a function that stages the code of a release, as it is now; it returns each file's content."""

    def stage() -> dict[str, str]:
        staging.stage(tmp_path / "content", classifier=True, source=root / "src" / "kennel")
        code = tmp_path / "content" / staging.CODE
        return {str(file.relative_to(code)): file.read_text() for file in code.rglob("*") if file.is_file()}

    return stage


@pytest.mark.parametrize("name", ["classifier/networks.py", "classifier/data/folder.py", "errors.py"])
def test_a_change_of_shipped_code_is_in_the_next_release_and_bundle(
    shipped: Callable[[], dict[str, str]], root: Path, name: str
) -> None:
    before, bundled = shipped(), bundle.pack(root)

    path = root / "src" / "kennel" / name
    path.write_text(f"{path.read_text()}# changed\n")

    after = shipped()
    assert {file for file in after if after[file] != before.get(file)} == {f"kennel/{name}"}
    assert bundle.pack(root) != bundled


def test_no_drawing_code_is_shipped(shipped: Callable[[], dict[str, str]], root: Path) -> None:
    assert not [name for name in shipped() if "sample_photos" in name or name.endswith("dog.py")]
    with tarfile.open(fileobj=io.BytesIO(bundle.pack(root))) as tar:
        assert "src/kennel/classifier/training.py" in tar.getnames()
        assert not [name for name in tar.getnames() if "sample_photos" in name]
