"""The real Ray Serve hosts a release's archive as AWS's image does, and gives the answers that uvicorn gives.

It runs where `.venv-ray` is: ``PYTHONPATH=. .venv/bin/python -m bootstrap.extra ray`` makes it.
"""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kennel.aws.release import release_archive
from kennel.serving import model

ROOT = Path(__file__).resolve().parents[3]
PREDICTIONS = "application/vnd.kennel.predictions+json"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (ROOT / ".venv-ray" / ".kennel-stamp").exists(),
        reason="no .venv-ray: PYTHONPATH=. .venv/bin/python -m bootstrap.extra ray",
    ),
]

Answer = tuple[int, dict[str, str], Any]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an unpacked release: the default network with ImageNet's prior, as an OpenVINO graph."""
    from kennel.classifier import labels, untrained
    from kennel.classifier.hyperparameters import LITE0
    from kennel.packaging import export
    from kennel.serving import staging

    folder = tmp_path_factory.mktemp("release")
    content = folder / "content"
    content.mkdir()
    untrained.write(content, labels.breeds(), LITE0, untrained.default_weights(LITE0))
    export.save(export.graph_of(content), content)
    (content / "model.pth").unlink()
    staging.stage(content)
    (content / "release.json").write_text(json.dumps({"id": "r-0123456789ab", "runtime": "openvino"}))
    archive = folder / "model.tar.gz"
    archive.write_bytes(release_archive.pack(content))
    return release_archive.unpack(archive, folder / "unpacked")


@pytest.fixture(scope="module")
def ports(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Yield the port of the adapter in front of Ray Serve, and that of uvicorn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks" / "serving"))
        import application  # type: ignore[import-not-found]
        import ray_serve  # type: ignore[import-not-found]
    logs = tmp_path_factory.mktemp("logs")
    with ray_serve.server(release, logs) as ray, application.server(release, logs) as (_, port):
        yield {"ray": ray.port, "uvicorn": port}


def photo(kind: str, size: tuple[int, int] = (640, 480)) -> bytes:
    """Return a picture of gradients and noise."""
    from PIL import Image

    random = np.random.default_rng(7)
    row, column = np.mgrid[0 : size[1], 0 : size[0]]
    pixels = np.stack([row, column, row + column], axis=-1) % 256 // 2 + random.integers(
        0, 128, (*size[::-1], 3)
    )
    encoded = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(encoded, kind)
    return encoded.getvalue()


def post(port: int, body: bytes, **headers: str) -> Answer:
    """Send a request to a model server; return status, headers and document."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", "/invocations", body, sent)
    response = connection.getresponse()
    document = json.loads(response.read())
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, document


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_logits_are_those_of_uvicorn_and_of_the_model_itself(
    ports: dict[str, int], release: Path, kind: str
) -> None:
    body = photo(kind)
    answers = {name: post(port, body, Content_Type=f"image/{kind.lower()}") for name, port in ports.items()}

    assert {name: answer[0] for name, answer in answers.items()} == {"ray": 200, "uvicorn": 200}
    expected = model.load(release).logits(body)
    assert len(expected) == 133
    assert np.ptp(expected) > 1
    for status, headers, document in answers.values():
        assert np.abs(np.array(document[0]) - expected).max() < 1e-4
        assert headers["x-amzn-sagemaker-custom-attributes"] == "release=r-0123456789ab"
        assert (status, headers["content-type"]) == (200, "application/json")


def test_named_predictions_are_those_of_uvicorn(ports: dict[str, int]) -> None:
    asked = {"Content_Type": "image/jpeg", "Accept": PREDICTIONS}
    ray, uvicorn = (post(ports[name], photo("JPEG"), **asked)[2] for name in ("ray", "uvicorn"))

    assert [row["class"] for row in ray["predictions"]] == [row["class"] for row in uvicorn["predictions"]]
    shares = [[row["probability"] for row in answer["predictions"]] for answer in (ray, uvicorn)]
    assert np.abs(np.subtract(*shares)).max() < 1e-4
    assert ray["release"] == "r-0123456789ab"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"not a picture", "image/jpeg", 400),
        (b"{}", "application/json", 415),
        (photo("JPEG")[:5000], "image/jpeg", 422),
        (b"\xff" * 6_600_000, "image/jpeg", 413),
    ],
)
def test_refusals_are_those_of_uvicorn(
    ports: dict[str, int], body: bytes, content_type: str, status: int
) -> None:
    ray, uvicorn = (post(ports[name], body, Content_Type=content_type) for name in ("ray", "uvicorn"))

    assert ray[0] == uvicorn[0] == ray[2]["error"]["status"] == status
    assert ray[2] == uvicorn[2]
