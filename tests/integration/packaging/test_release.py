"""A release as SageMaker unpacks it: the same bytes each time, and the same answers by a server and here."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from moto import mock_aws

from kennel.aws import prediction, session
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import golden, imagenet_release, release_archive, releases
from kennel.aws.release.releases import Release
from kennel.aws.session import Workspace
from kennel.packaging import vendor
from kennel.serving.requests import PREDICTIONS

CLASSES = ("Beagle", "Pug", "Chow chow", "Akita")
WHEEL = "openvino-0.0.0-cp313-cp313-manylinux_2_28_x86_64.whl"


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Workspace, Release, bytes]]:
    """Package ImageNet's classifier; its prior is all that tells the classes apart."""
    folder = tmp_path_factory.mktemp("packaged")
    stack = Stack({"name": "k", "artifact_bucket": "artifacts", "endpoint": {}})
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "x")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        _vendor_a_small_wheel(folder, patch)
        session.forget()
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="artifacts")
        workspace = Workspace("local", folder / "build")
        release, _ = imagenet_release.package(workspace, stack, CLASSES)
        yield stack, workspace, release, _archive(release)
    session.forget()


def _vendor_a_small_wheel(folder: Path, patch: pytest.MonkeyPatch) -> None:
    path = vendor.cache() / WHEEL
    path.parent.mkdir(parents=True)
    path.write_bytes(b"wheel")
    pins = folder / "wheels.json"
    pins.write_text(json.dumps({"wheels": [{"file": WHEEL, "sha256": sha256(b"wheel").hexdigest()}]}))
    patch.setattr(vendor, "PINS", pins)


def _archive(release: Release) -> bytes:
    body: bytes = (
        boto3.client("s3")
        .get_object(Bucket="artifacts", Key=f"releases/{release.id}/{releases.ARCHIVE}")["Body"]
        .read()
    )
    return body


@pytest.fixture
def unpacked(packaged: Any, tmp_path: Path) -> Path:
    path = tmp_path / "model.tar.gz"
    path.write_bytes(packaged[3])
    return release_archive.unpack(path, tmp_path / "model")


def served(folder: Path, requests: list[tuple[bytes, str]]) -> list[Any]:
    """Return what uvicorn answers with the release's application, on the import path that SageMaker sets."""
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{folder / 'code'}"}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = subprocess.Popen(
            [sys.executable, "-P", "-m", "uvicorn", "asgi:application", "--fd", str(listening.fileno())],
            pass_fds=[listening.fileno()],
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        port = listening.getsockname()[1]
    try:
        answers = []
        for body, accept in requests:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            headers = {"Content-Type": "image/png", "Accept": accept}
            connection.request("POST", "/invocations", body, headers)
            answers.append(json.loads(connection.getresponse().read()))
            connection.close()
        return answers
    finally:
        server.terminate()
        server.wait(30)


def test_uvicorn_and_this_machine_give_the_same_logits_and_labels(
    packaged: Any, unpacked: Path, tmp_path: Path
) -> None:
    stack, workspace, release, _ = packaged
    photo = tmp_path / "photo.png"
    content = next(golden.patterns())[1]
    photo.write_bytes(content)

    logits, named = served(unpacked, [(content, "application/json"), (content, PREDICTIONS)])
    stack["endpoint"]["release_id"] = release.id
    answer = prediction.predict(workspace, stack, str(photo), via="model", top=4)

    assert answer.logits == pytest.approx(logits[0], abs=1e-4)
    assert answer.logits == pytest.approx(golden.read(release.model_data_url)[0].logits, abs=1e-4)
    assert len(set(answer.logits)) == 4, "the prior tells the classes apart"
    assert [row["breed"] for row in named["predictions"]] == [row["breed"] for row in answer.top]
    assert {row["breed"] for row in answer.top} == set(CLASSES)
    assert named["release"] == release.id


def test_packaging_again_gives_the_same_bytes(packaged: Any, tmp_path: Path) -> None:
    stack, _, release, archive = packaged
    boto3.client("s3").delete_object(Bucket="artifacts", Key=f"releases/{release.id}/model.tar.gz")
    boto3.client("s3").delete_object(Bucket="artifacts", Key=f"releases/{release.id}/release.json")

    again, _ = imagenet_release.package(Workspace("local", tmp_path / "elsewhere"), stack, CLASSES)

    assert again.id == release.id
    assert _archive(again) == archive


def test_the_record_in_the_archive_says_what_serves_it_and_what_it_takes(
    packaged: Any, unpacked: Path
) -> None:
    release = packaged[2]
    record = json.loads((unpacked / "release.json").read_text())

    assert (record["id"], record["runtime"]) == (release.id, "openvino")
    assert record["input"] == {
        "shape": [1, 224, 224, 3],
        "dtype": "uint8",
        "channels": "RGB",
        "resize": 256,
        "crop": 224,
    }
    assert record["sign_off"]["graph"]["largest_difference"] <= 1e-3
    assert "no validation photos" in record["sign_off"]["reason"]
    assert {"created", "size", "latency"}.isdisjoint(record), "they differ from one packaging to another"
    assert release.latency["p50_ms"] > 0
    assert release.size == len(packaged[3])
    assert not (unpacked / "model.pth").exists()
    import openvino

    graph = openvino.Core().read_model(unpacked / "graph.xml")
    assert (list(graph.input(0).shape), graph.input(0).element_type.to_dtype()) == (
        [1, 224, 224, 3],
        np.uint8,
    )
