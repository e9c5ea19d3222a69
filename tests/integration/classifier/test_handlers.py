"""The handlers inside the container's own toolkit: real HandlerService, a TorchServe worker's context."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from kennel.classifier import inference, training
from kennel.sample_photos import draw as drawing

CODE = "from kennel.classifier.inference import input_fn, model_fn, output_fn, predict_fn\n"


class Context:
    """What TorchServe hands a worker: one object for its life, its request renewed each time."""

    def __init__(self, model_dir: Path) -> None:
        self.system_properties = {"model_dir": str(model_dir), "gpu_id": None}
        self.model_name = "model"
        self.request_processor: list[Any] = [self]
        self.headers: dict[str, str] = {}
        self.status, self.content_type = 200, ""
        self.sent: dict[str, str] = {}

    def get_request_properties(self) -> dict[str, str]:
        return self.headers

    def set_response_content_type(self, _: int, value: str) -> None:
        self.content_type = value

    def set_response_header(self, _: int, key: str, value: str) -> None:
        self.sent[key] = value

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.status = code


Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("release")
    per_class = {"train": 3, "valid": 1, "test": 1}
    data = drawing.draw(work / "data", classes=4, per_class=per_class, size=96, workers=1)
    assert training.main(["--data", str(data), "--model-dir", str(work / "model"), "--epochs", "3"]) == 0
    (work / "model" / "release.json").write_text('{"id": "r-42"}')
    (work / "model" / "code").mkdir()
    (work / "model" / "code" / "inference.py").write_text(CODE)
    return work / "model"


@pytest.fixture(params=["one context", "a context per request"])
def ask(request: pytest.FixtureRequest, release: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(release.parent))
    monkeypatch.setenv("SAGEMAKER_PROGRAM", "inference.py")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.syspath_prepend(str(release / "code"))
    sys.modules.pop("inference", None)
    from sagemaker_pytorch_serving_container.handler_service import HandlerService

    service = HandlerService()
    first = Context(release)
    service.initialize(first)

    def ask(
        body: bytes, content_type: str | None = "image/jpeg", accept: str | None = None
    ) -> tuple[int, str, str]:
        context = first if request.param == "one context" else Context(release)
        context.status = 200
        context.headers = {"Host": "x"}
        if content_type is not None:
            context.headers["Content-Type"] = content_type
        if accept is not None:
            context.headers["Accept"] = accept
        answer = service.handle([{"body": bytearray(body)}], context)[0]
        return context.status, context.content_type, answer

    yield ask
    sys.modules.pop("inference", None)


def photo(kind: str = "JPEG", breed: int = 1, size: int = 300) -> bytes:
    buffer = io.BytesIO()
    drawing.photo(breed, 9, size).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "content_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
)
def test_a_picture_is_answered_with_logits(ask: Ask, release: Path, kind: str, content_type: str) -> None:
    body = photo(kind)
    status, answered, answer = ask(body, content_type)
    assert (status, answered) == (200, "application/json")
    assert json.loads(answer) == [pytest.approx(inference.load(release).logits(body), abs=1e-4)]
    assert len(json.loads(answer)[0]) == 4


def test_named_predictions_add_up(ask: Ask) -> None:
    status, answered, answer = ask(photo(breed=2), accept=inference.PREDICTIONS)
    document = json.loads(answer)
    assert (status, answered, document["release"]) == (200, inference.PREDICTIONS, "r-42")
    best = document["predictions"]
    assert best[0]["class"] == "003.Airedale_terrier"
    assert best[0]["breed"] == "Airedale terrier"
    assert sum(p["probability"] for p in best) == pytest.approx(1, abs=1e-12)
    assert [p["probability"] for p in best] == sorted((p["probability"] for p in best), reverse=True)


def test_an_answer_names_its_release_in_a_header_that_sagemaker_passes_on() -> None:
    context = Context(Path())
    context.headers = {"Host": "x"}
    for release in (None, "r-42"):
        inference.output_fn(inference.Prediction([1.0], ["001.A"], release), inference.JSON, context)
    assert context.sent == {"X-Amzn-SageMaker-Custom-Attributes": "release=r-42"}


@pytest.mark.parametrize("accept", ["*/*", "application/json, text/html", "application/json;q=0.9", None])
def test_json_is_what_callers_get_by_default(ask: Ask, accept: str | None) -> None:
    status, _, answer = ask(photo(), accept=accept)
    assert status == 200
    assert len(json.loads(answer)[0]) == 4


BIG = b"\xff\xd8" + bytes(inference.BODY_LIMIT)
REFUSED = {
    "text": (b"hello", "text/plain", None, 415),
    "no type": (photo(), None, None, 415),
    "json": (b"{}", "application/json", None, 415),
    "empty": (b"", "image/jpeg", None, 400),
    "not a picture": (b"hello", "image/jpeg", None, 400),
    "truncated": (photo()[:3000], "image/jpeg", None, 422),
    "too large": (BIG, "image/jpeg", None, 413),
    "unknown answer": (photo(), "image/jpeg", "text/html", 406),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_have_their_status_and_a_json_body(
    ask: Ask, name: str, request: pytest.FixtureRequest
) -> None:
    body, content_type, accept, expected = REFUSED[name]
    status, answered, answer = ask(body, content_type, accept)
    assert status == expected
    document = json.loads(answer.splitlines()[0])
    assert document["error"]["status"] == expected
    if "one context" in request.node.name:
        assert answered == "application/json"
        assert "Traceback" not in answer


def test_a_refusal_leaves_the_next_answer_alone(ask: Ask) -> None:
    assert ask(b"junk")[0] == 400
    assert ask(photo())[0] == 200


def test_loading_names_what_is_missing(release: Path, tmp_path: Path) -> None:
    from kennel.classifier import TrainingError

    with pytest.raises(TrainingError, match=r"model.json: missing"):
        inference.load(tmp_path)
    broken = shutil.copytree(release, tmp_path / "broken")
    (broken / "model.pth").write_bytes(b"x" * 100)
    with pytest.raises(TrainingError, match="not a state dict of plain tensors"):
        inference.load(broken)


def test_a_whole_photo_needs_no_copy_of_the_network(release: Path) -> None:
    classifier = inference.load(release)
    buffer = io.BytesIO()
    Image.new("RGB", (3000, 2000), (90, 120, 60)).save(buffer, "JPEG")
    before = [p.data_ptr() for p in classifier.network.parameters()]
    first = classifier.logits(buffer.getvalue())
    assert classifier.logits(buffer.getvalue()) == first
    assert [p.data_ptr() for p in classifier.network.parameters()] == before
    assert not torch.is_grad_enabled() or all(p.grad is None for p in classifier.network.parameters())
