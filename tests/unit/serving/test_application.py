"""The application: logits or named predictions for a picture, and JSON refusals with their status."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kennel.serving import ServingError, application, model, requests
from kennel.serving.cores import Allocation

from .. import hostile_inputs
from .conftest import CLASSES, Answer, Ask, ProvokedError, send, started

JPEG = {"Content-Type": "image/jpeg"}


def photo(kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (100, 80), (200, 10, 20)).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("path", ["/", "/invocations"])
def test_a_picture_is_answered_with_the_models_logits(ask: Ask, folder: Path, kind: str, path: str) -> None:
    body = photo(kind)
    answer = ask("POST", path, {"Content-Type": f"image/{kind.lower()}"}, [body])
    assert (answer.status, answer.headers["content-type"]) == (200, requests.JSON)
    assert answer.document == [model.load(folder).logits(body)]
    assert answer.document[0] == pytest.approx([200, 10, 20], abs=4)
    assert answer.headers["x-amzn-sagemaker-custom-attributes"] == "release=r-42"


def test_named_predictions_are_sorted_and_add_up(ask: Ask) -> None:
    answer = ask("POST", "/", {**JPEG, "Accept": requests.PREDICTIONS}, [photo()])
    assert answer.headers["content-type"] == requests.PREDICTIONS
    document = answer.document
    assert document["release"] == "r-42"
    assert [row["class"] for row in document["predictions"]] == [CLASSES[0], CLASSES[2], CLASSES[1]]
    assert document["predictions"][0]["breed"] == "Red dog"
    assert sum(row["probability"] for row in document["predictions"]) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, requests.JSON),
        ("*/*", requests.JSON),
        ("text/html, application/*", requests.JSON),
        ("application/json;q=0.9", requests.JSON),
        (f"application/json;q=0.5, {requests.PREDICTIONS};q=0.4", requests.JSON),
        (f"application/json, {requests.PREDICTIONS}", requests.PREDICTIONS),
        (f"*/*, {requests.PREDICTIONS};q=0.1", requests.JSON),
    ],
)
def test_the_preferred_answer_is_sent(ask: Ask, accept: str | None, expected: str) -> None:
    answer = ask("POST", "/", {**JPEG, **({"Accept": accept} if accept else {})}, [photo()])
    assert (answer.status, answer.headers["content-type"]) == (200, expected)


LIMIT = requests.BODY_LIMIT
REFUSED = {
    "text": ({"Content-Type": "text/plain"}, [b"hello"], 415),
    "no type": ({}, [photo()], 415),
    "compressed": ({**JPEG, "Content-Encoding": "gzip"}, [photo()], 415),
    "empty": (JPEG, [b""], 400),
    "not a picture": (JPEG, [b"hello"], 400),
    "cut off": (JPEG, [photo()[:500]], 422),
    "longer than declared": ({**JPEG, "Content-Length": "3"}, [photo()], 400),
    "shorter than declared": ({**JPEG, "Content-Length": "90000"}, [photo()], 400),
    "negative length": ({**JPEG, "Content-Length": "-1"}, [photo()], 400),
    "no number": ({**JPEG, "Content-Length": "1_0"}, [photo()], 400),
    "two lengths": ([*JPEG.items(), ("Content-Length", "1"), ("Content-Length", "2")], [photo()], 400),
    "declared too large": ({**JPEG, "Content-Length": str(LIMIT + 1)}, [photo()], 413),
    "too large": (JPEG, [bytes(LIMIT), b"0"], 413),
    "unknown answer": ({**JPEG, "Accept": "text/html"}, [photo()], 406),
    "no answer accepted": ({**JPEG, "Accept": "application/json;q=0"}, [photo()], 406),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_has_its_status_and_a_json_body(ask: Ask, name: str) -> None:
    headers, chunks, status = REFUSED[name]
    answer = ask("POST", "/invocations", headers, chunks)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/json")
    assert answer.document["error"]["status"] == status
    assert answer.document["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/invocations", 405), ("POST", "/ping", 405), ("GET", "/x", 404)]
)
def test_unknown_paths_and_methods_are_refused_in_json(ask: Ask, method: str, path: str, status: int) -> None:
    answer = ask(method, path)
    assert (answer.status, answer.document["error"]["status"]) == (status, status)


def test_ping_is_healthy_once_a_picture_has_been_classified(folder: Path) -> None:
    served = application.create(folder)

    async def states() -> tuple[int, int, int]:
        before = await send(served, "GET", "/ping")
        refused = await send(served, "POST", "/", JPEG, [photo()])
        async with started(served):
            return before.status, refused.status, (await send(served, "GET", "/ping")).status

    assert asyncio.run(states()) == (503, 503, 200)


def test_a_model_that_cannot_predict_does_not_start(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    description = json.loads((folder / "model.json").read_text())
    description["preprocessing"]["crop"] = 32  # the graph's input has 56
    (tmp_path / "model.json").write_text(json.dumps(description))

    async def start() -> None:
        async with started(application.create(tmp_path)):
            pass

    with pytest.raises(RuntimeError):
        asyncio.run(start())


def test_a_fault_of_the_program_is_one_line_without_a_traceback(folder: Path) -> None:
    def broken(pixels: np.ndarray) -> np.ndarray:
        if calls.append(pixels) or len(calls) > 1:
            raise ProvokedError("the secret of the traceback")
        return np.zeros((1, 3), np.float32)

    calls: list[np.ndarray] = []
    allocation = Allocation(1, 1, 1)
    served = application.create(replace(model.load(folder), infer=broken, allocation=allocation))

    async def answer() -> Answer:
        async with started(served):
            return await send(served, "POST", "/", JPEG, [photo()])

    answered = asyncio.run(answer())
    assert (answered.status, answered.document["error"]["status"]) == (500, 500)
    assert b"secret" not in answered.body


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match="is not a trained model"):
        model.load(tmp_path)


def test_every_hostile_picture_is_refused_in_json_or_answered(folder: Path) -> None:
    module = hostile_inputs.module()
    inputs = [*module.inputs(), *module.disguised()]
    served = application.create(folder)

    async def answers() -> list[Answer]:
        async with started(served):
            return [
                await send(served, "POST", "/", {"Content-Type": item.content_type}, [item.content])
                for item in inputs
            ]

    for item, answer in zip(inputs, asyncio.run(answers()), strict=True):
        assert answer.status in item.expected, item.name
        assert answer.headers["content-type"] == "application/json", item.name
        if answer.status != 200:
            assert answer.document["error"]["status"] == answer.status, item.name
