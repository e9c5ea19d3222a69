"""The proof of a deployment: the function's answers against the packaged logits."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest

from kennel.aws import StackError, prediction, silent
from kennel.aws.deployment import proof
from kennel.aws.deployment.deployment_record import Deployment
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import golden
from kennel.aws.release.golden import GoldenPhoto

STACK = Stack({"function": {"name": "kennel-local-predict", "alias": "live"}})
DEPLOYED = Deployment(
    "r-000000000001", "d", "s3://artifacts/releases/r-000000000001/model.tar.gz", "image", 1
)
PHOTOS = [GoldenPhoto("0.jpg", b"first", [1.0, -2.0]), GoldenPhoto("1.png", b"second", [0.5, 0.25])]

Answer = tuple[int, dict[str, str], str]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[GoldenPhoto], Answer]], None]:
    """Return what sets the function's answers, for releases that have golden photos."""

    def set_answers(answer: Callable[[GoldenPhoto], Answer]) -> None:
        by_content = {photo.content: photo for photo in PHOTOS}
        monkeypatch.setattr(
            prediction,
            "invoke_function",
            lambda stack, event: answer(by_content[base64.b64decode(event["image"])]),
        )

    monkeypatch.setattr(golden, "read", lambda url: PHOTOS)
    return set_answers


def ok(logits: list[float]) -> Answer:
    return 200, {}, json.dumps([logits])


def test_answers_as_packaged_are_a_proof_with_the_largest_difference(answering: Callable) -> None:
    answering(lambda photo: ok([logit + (0.004 if photo.name == "1.png" else 0) for logit in photo.logits]))

    proven = proof.prove(STACK, DEPLOYED, silent)

    assert proven.photos == 2
    assert proven.largest_difference == pytest.approx(0.004)
    assert proven.as_dict()["tolerance"] == 0.02


@pytest.mark.parametrize("wrong", [[1.0, -1.97], [float("nan"), -2.0], [float("inf"), -2.0]])
def test_an_answer_beyond_the_tolerance_is_refused(answering: Callable, wrong: list[float]) -> None:
    answering(lambda photo: ok(wrong))

    with pytest.raises(StackError, match=r"golden photo 0\.jpg differs by .* \(allowed: 0\.02\)"):
        proof.prove(STACK, DEPLOYED, silent)


def test_another_number_of_logits_is_refused(answering: Callable) -> None:
    answering(lambda photo: ok([1.0]))

    with pytest.raises(StackError, match=r"0\.jpg has 1 logits, the packaged one 2"):
        proof.prove(STACK, DEPLOYED, silent)


def test_an_error_is_no_proof(answering: Callable) -> None:
    answering(lambda photo: (502, {}, '{"error": "the model failed"}'))

    with pytest.raises(StackError, match=r"0\.jpg with 502: .*the model failed"):
        proof.prove(STACK, DEPLOYED, silent)


def test_a_busy_function_is_asked_again_a_few_times(answering: Callable) -> None:
    busy = [429, 503]
    answering(lambda photo: (busy.pop(), {}, "{}") if busy else ok(photo.logits))

    assert proof.prove(STACK, DEPLOYED, silent, waits=(0.0, 0.0)).photos == 2

    answering(lambda photo: (503, {}, "{}"))
    with pytest.raises(StackError, match="with 503"):
        proof.prove(STACK, DEPLOYED, silent, waits=(0.0, 0.0))


def test_a_release_without_golden_photos_is_said_to_be_unproven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "read", lambda url: [])
    lines: list[str] = []

    assert proof.prove(STACK, DEPLOYED, lines.append).photos == 0
    assert lines == ["r-000000000001 was packaged without golden photos: its answers are not compared"]
