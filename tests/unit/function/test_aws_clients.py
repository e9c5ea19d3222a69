"""How responses and errors of the endpoint and S3 are translated."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber


def stream(body: bytes) -> StreamingBody:
    """Return a body as botocore returns it."""
    return StreamingBody(io.BytesIO(body), len(body))


@pytest.fixture
def runtime(modules: Any) -> Iterator[Stubber]:
    """SageMaker's runtime, which returns what a test queues."""
    with Stubber(modules["aws_clients"].runtime) as stub:
        yield stub


@pytest.fixture
def s3(modules: Any) -> Iterator[Stubber]:
    """S3, which returns what a test queues."""
    with Stubber(modules["aws_clients"].s3) as stub:
        yield stub


def test_logits_are_passed_on_as_they_came(modules: Any, runtime: Stubber) -> None:
    runtime.add_response(
        "invoke_endpoint",
        {"Body": stream(b"[[1.0, -2.50]]")},
        {"EndpointName": "e", "ContentType": "image/png", "Accept": "application/json", "Body": b"p"},
    )
    assert modules["aws_clients"].predict("e", b"p", "image/png", None).body == "[[1.0, -2.50]]"


@pytest.mark.parametrize(
    ("attributes", "release"),
    [
        ("release=r-0123456789ab", "r-0123456789ab"),
        ("trace=1", ""),
        ("release=r-1\r\nSet-Cookie: a", ""),
        (None, ""),
    ],
)
def test_the_release_is_the_one_that_the_answer_names(
    attributes: str | None, release: str, modules: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not a Stubber: its model of the answer has no line breaks in attributes, a container may send them.
    answer = {"Body": io.BytesIO(b"[[1.0]]"), "CustomAttributes": attributes}
    model = SimpleNamespace(invoke_endpoint=lambda **_: answer)
    monkeypatch.setattr(modules["aws_clients"], "runtime", model)
    assert modules["aws_clients"].predict("e", b"p", "image/png", None).release == release


def test_the_most_probable_names_come_first_and_no_more_than_asked_for(
    modules: Any, runtime: Stubber
) -> None:
    named = [{"breed": name, "probability": share} for name, share in (("a", 0.2), ("b", 0.7), ("c", 0.1))]
    runtime.add_response(
        "invoke_endpoint",
        {"Body": stream(json.dumps({"predictions": named, "release": "r1"}).encode())},
        {
            "EndpointName": "e",
            "ContentType": "image/png",
            "Accept": "application/vnd.kennel.predictions+json",
            "Body": b"p",
        },
    )
    response = json.loads(modules["aws_clients"].predict("e", b"p", "image/png", 2).body)
    assert [prediction["breed"] for prediction in response["predictions"]] == ["b", "a"]
    assert response["release"] == "r1"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"{}",
        b"[[NaN]]",
        b"[1]",
        b'[["a"]]',
        b"\xff",
        b"null",
        b"[]",
        b"[[1" + b"0" * 400 + b"]]",
    ],
)
def test_an_answer_that_is_no_matrix_is_a_bad_gateway(
    modules: Any, runtime: Stubber, prediction_error: Any, body: bytes
) -> None:
    runtime.add_response("invoke_endpoint", {"Body": stream(body)})
    with pytest.raises(prediction_error) as caught:
        modules["aws_clients"].predict("e", b"p", "image/png", None)
    assert caught.value.status == 502


def test_an_answer_without_predictions_is_a_bad_gateway(
    modules: Any, runtime: Stubber, prediction_error: Any
) -> None:
    runtime.add_response("invoke_endpoint", {"Body": stream(b"[[1.0]]")})
    with pytest.raises(prediction_error) as caught:
        modules["aws_clients"].predict("e", b"p", "image/png", 3)
    assert caught.value.status == 502


@pytest.mark.parametrize(
    ("code", "status", "retry_after"),
    [
        ("ThrottlingException", 429, 1),
        ("ValidationError", 503, 60),
        ("ServiceUnavailable", 503, 5),
        ("InternalFailure", 503, 5),
        ("ModelNotReadyException", 503, 5),
        ("AccessDeniedException", 500, None),
        ("AccessDenied", 500, None),
        ("SomethingNew", 502, None),
    ],
)
def test_what_the_endpoint_s_service_refuses(
    modules: Any, runtime: Stubber, prediction_error: Any, code: str, status: int, retry_after: int | None
) -> None:
    secret = "User: arn:aws:sts::123456789012:assumed-role/x is not authorized"
    runtime.add_client_error("invoke_endpoint", code, secret)
    with pytest.raises(prediction_error) as caught:
        modules["aws_clients"].predict("e", b"p", "image/png", None)
    assert (caught.value.status, caught.value.retry_after) == (status, retry_after)
    assert "arn" not in caught.value.message
    assert caught.value.cause == code


@pytest.mark.parametrize(
    ("original", "message", "status", "expected"),
    [
        (415, '{"error": "audio/wav is not a photo"}', 415, "audio/wav is not a photo"),
        (422, '{"error": "the photo cannot be decoded"}', 422, "the photo cannot be decoded"),
        (400, "Traceback (most recent call last)", 400, "the model refused the photo"),
        (400, '{"error": {"deep": 1}}', 400, "the model refused the photo"),
        (400, '{"error": "arn:aws:iam::1:role/x"}', 400, "the model refused the photo"),
        (400, '{"error": "Traceback\\n  File"}', 400, "the model refused the photo"),
        (400, "[]", 400, "the model refused the photo"),
        (500, '{"error": "out of memory"}', 502, "the model failed"),
        (None, "", 502, "the model failed"),
    ],
)
def test_what_the_model_refuses_keeps_its_status(
    modules: Any,
    runtime: Stubber,
    prediction_error: Any,
    original: int | None,
    message: str,
    status: int,
    expected: str,
) -> None:
    runtime.add_client_error(
        "invoke_endpoint",
        "ModelError",
        "Received client error (415) from primary. See https://us-east-1.console.aws.amazon.com/…",
        424,
        modeled_fields=None
        if original is None
        else {"OriginalStatusCode": original, "OriginalMessage": message},
    )
    with pytest.raises(prediction_error) as caught:
        modules["aws_clients"].predict("e", b"p", "image/png", None)
    assert (caught.value.status, caught.value.message) == (status, expected)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ReadTimeoutError(endpoint_url="https://x"), 504),
        (ConnectTimeoutError(endpoint_url="https://x"), 504),
        (EndpointConnectionError(endpoint_url="https://x"), 503),
    ],
)
def test_an_endpoint_that_cannot_be_reached(
    modules: Any, monkeypatch: pytest.MonkeyPatch, prediction_error: Any, error: Exception, status: int
) -> None:
    def fail(**_: Any) -> Any:
        raise error

    monkeypatch.setattr(modules["aws_clients"].runtime, "invoke_endpoint", fail)
    with pytest.raises(prediction_error) as caught:
        modules["aws_clients"].predict("e", b"p", "image/png", None)
    assert caught.value.status == status
    assert "https" not in caught.value.message


def test_a_photo_of_the_inbox(modules: Any, s3: Stubber) -> None:
    s3.add_response(
        "get_object", {"Body": stream(b"photo"), "ContentLength": 5}, {"Bucket": "b", "Key": "inbox/a"}
    )
    assert modules["aws_clients"].inbox_photo("b", "inbox/a") == b"photo"


def test_a_large_object_is_not_read(modules: Any, s3: Stubber, prediction_error: Any) -> None:
    class Untouched(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("read")

    body = StreamingBody(Untouched(), 1)
    s3.add_response("get_object", {"Body": body, "ContentLength": modules["photo_format"].MAXIMUM_BYTES + 1})
    with pytest.raises(prediction_error) as caught:
        modules["aws_clients"].inbox_photo("b", "inbox/a")
    assert caught.value.status == 413


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("NoSuchKey", 404),
        ("AccessDenied", 404),
        ("SlowDown", 429),
        ("BucketGone", 502),
        ("InternalFailure", 503),
    ],
)
def test_an_object_that_cannot_be_read(
    modules: Any, s3: Stubber, prediction_error: Any, code: str, status: int
) -> None:
    s3.add_client_error("get_object", code, "arn:aws:s3:::b", 400)
    with pytest.raises(prediction_error) as caught:
        modules["aws_clients"].inbox_photo("b", "inbox/a")
    assert caught.value.status == status
    assert "arn" not in caught.value.message


def test_both_clients_give_up_before_the_function_is_cut_off(modules: Any) -> None:
    for client in (modules["aws_clients"].runtime, modules["aws_clients"].s3):
        config = client.meta.config
        tries = config.retries["total_max_attempts"]
        assert tries * (config.connect_timeout + config.read_timeout) < 30
