"""Ranking of logits, and the event in which a photo is sent to the function."""

from __future__ import annotations

import base64
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kennel.aws import StackError, prediction
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.photos import Photo

STACK = Stack({"data_bucket": "photos"})


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=200))
def test_ranking_is_a_softmax_in_order(logits: list[float]) -> None:
    classes = [f"{index:03d}.Some_breed" for index in range(len(logits))]

    ranked = prediction.ranked(logits, classes, top=len(logits))

    probabilities = [prediction["probability"] for prediction in ranked]
    assert probabilities == sorted(probabilities, reverse=True)
    assert math.isclose(sum(probabilities), 1, rel_tol=1e-9)
    assert logits[classes.index(ranked[0]["class"])] == max(logits)


def test_names_are_readable() -> None:
    ranked = prediction.ranked([0.0, 9.0], ["001.Affenpinscher", "096.Labrador_retriever"], top=1)

    assert ranked[0]["breed"] == "Labrador retriever"
    assert ranked[0]["class"] == "096.Labrador_retriever"


def test_logits_of_another_model_are_an_error() -> None:
    with pytest.raises(StackError, match="the model returned 3 logits for a release of 2 classes"):
        prediction.ranked([1.0, 2.0, 3.0], ["a", "b"], top=1)


def test_addresses_are_sent_unchanged_and_files_as_base64() -> None:
    for kind, address in {"url": "https://example.org/dog.jpg", "s3": "s3://photos/inbox/dog.jpg"}.items():
        assert prediction._event(STACK, address, None) == {kind: address}
    sent = prediction._event(STACK, "dog.jpg", Photo(b"\xff\xd8photo", "image/jpeg"))
    assert base64.b64decode(sent["image"]) == b"\xff\xd8photo"
