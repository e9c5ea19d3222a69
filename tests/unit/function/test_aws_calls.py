"""How responses and errors of the endpoint and S3 are translated: a server plays both."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest

from .conftest import AwsServer, Reply


def soon() -> float:
    """Return an end that no test reaches."""
    return time.monotonic() + 30


def refusal(code: str, status: int = 400, message: str = "") -> Reply:
    """Return the reply of a REST service that refuses a request."""
    body = json.dumps({"message": message}).encode()
    return Reply(status, body, {"x-amzn-ErrorType": f"{code}:http://internal.amazon.com/coral/"})


def predict(modules: Any, top: int | None = None, end: float | None = None) -> Any:
    """Invoke the endpoint ``e``."""
    return modules["aws_calls"].predict("e", b"p", "image/png", top, end or soon())


def test_logits_are_passed_on_as_they_came(modules: Any, aws: AwsServer) -> None:
    aws.replies = [Reply(200, b"[[1.0, -2.50]]")]
    assert predict(modules).body == "[[1.0, -2.50]]"
    [request] = aws.requests
    assert (request.method, request.path, request.body) == ("POST", "/endpoints/e/invocations", b"p")
    assert (request.headers["Content-Type"], request.headers["Accept"]) == ("image/png", "application/json")
    assert "/us-east-1/sagemaker/aws4_request" in request.headers["Authorization"]


@pytest.mark.parametrize(
    ("attributes", "release"),
    [
        ("release=r-0123456789ab", "r-0123456789ab"),
        ("trace=1", ""),
        ("release=r-1\r\n Set-Cookie: a", ""),
        (None, ""),
    ],
)
def test_the_release_is_the_one_that_the_answer_names(
    attributes: str | None, release: str, modules: Any, aws: AwsServer
) -> None:
    headers = {"X-Amzn-SageMaker-Custom-Attributes": attributes} if attributes else {}
    aws.replies = [Reply(200, b"[[1.0]]", headers)]
    assert predict(modules).release == release


def test_the_most_probable_names_come_first_and_no_more_than_asked_for(modules: Any, aws: AwsServer) -> None:
    named = [{"breed": name, "probability": share} for name, share in (("a", 0.2), ("b", 0.7), ("c", 0.1))]
    aws.replies = [Reply(200, json.dumps({"predictions": named, "release": "r1"}).encode())]
    response = json.loads(predict(modules, 2).body)
    assert [prediction["breed"] for prediction in response["predictions"]] == ["b", "a"]
    assert response["release"] == "r1"
    assert aws.requests[0].headers["Accept"] == "application/vnd.kennel.predictions+json"


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
        b"[[1" + b"0" * (6 * 1024 * 1024) + b"]]",
    ],
)
def test_an_answer_that_is_no_matrix_is_a_bad_gateway(
    modules: Any, aws: AwsServer, prediction_error: Any, body: bytes
) -> None:
    aws.replies = [Reply(200, body)]
    with pytest.raises(prediction_error) as caught:
        predict(modules)
    assert caught.value.status == 502


def test_an_answer_without_predictions_is_a_bad_gateway(
    modules: Any, aws: AwsServer, prediction_error: Any
) -> None:
    aws.replies = [Reply(200, b"[[1.0]]")]
    with pytest.raises(prediction_error) as caught:
        predict(modules, 3)
    assert caught.value.status == 502


@pytest.mark.parametrize(
    ("code", "http_status", "status", "retry_after", "attempts"),
    [
        ("ThrottlingException", 400, 429, 1, 3),
        ("SomethingElse", 429, 429, 1, 3),
        ("ValidationError", 400, 503, 60, 1),
        ("ServiceUnavailable", 503, 503, 5, 3),
        ("InternalFailure", 500, 503, 5, 3),
        ("ModelNotReadyException", 429, 429, 1, 3),
        ("AccessDeniedException", 403, 500, None, 1),
        ("AccessDenied", 403, 500, None, 1),
        ("ExpiredTokenException", 403, 502, None, 1),
        ("SomethingNew", 400, 502, None, 1),
    ],
)
def test_what_the_endpoint_s_service_refuses(
    modules: Any,
    aws: AwsServer,
    prediction_error: Any,
    pauses: list[float],
    code: str,
    http_status: int,
    status: int,
    retry_after: int | None,
    attempts: int,
) -> None:
    secret = "User: arn:aws:sts::123456789012:assumed-role/x is not authorized"
    aws.replies = [refusal(code, http_status, secret)] * 3
    with pytest.raises(prediction_error) as caught:
        predict(modules)
    assert (caught.value.status, caught.value.retry_after) == (status, retry_after)
    assert "arn" not in caught.value.message
    assert caught.value.cause == code
    assert (len(aws.requests), len(pauses)) == (attempts, attempts - 1)


def test_an_error_is_named_in_the_body_too(modules: Any, aws: AwsServer, prediction_error: Any) -> None:
    body = json.dumps({"__type": "com.amazonaws.sagemaker#AccessDeniedException"}).encode()
    aws.replies = [Reply(400, body)]
    with pytest.raises(prediction_error) as caught:
        predict(modules)
    assert caught.value.cause == "AccessDeniedException"


@pytest.mark.parametrize(
    ("original", "message", "status", "expected"),
    [
        (415, '{"error": "audio/wav is not a photo"}', 415, "audio/wav is not a photo"),
        (422, '{"error": {"status": 422, "message": "it is damaged"}}', 422, "it is damaged"),
        (400, "Traceback (most recent call last)", 400, "the model refused the photo"),
        (400, '{"error": {"deep": 1}}', 400, "the model refused the photo"),
        (400, '{"error": {"message": 1}}', 400, "the model refused the photo"),
        (400, '{"error": "arn:aws:iam::1:role/x"}', 400, "the model refused the photo"),
        (400, '{"error": "Traceback\\n  File"}', 400, "the model refused the photo"),
        (400, "[]", 400, "the model refused the photo"),
        (400, None, 400, "the model refused the photo"),
        (500, '{"error": "out of memory"}', 502, "the model failed"),
        (0, "", 502, "the model failed"),
        (None, "", 502, "the model failed"),
    ],
)
def test_what_the_model_refuses_keeps_its_status(
    modules: Any,
    aws: AwsServer,
    prediction_error: Any,
    original: int | None,
    message: str | None,
    status: int,
    expected: str,
) -> None:
    members = {"OriginalStatusCode": original, "OriginalMessage": message}
    body = json.dumps({"Message": "Received client error (415) from primary. See https://…", **members})
    aws.replies = [Reply(424, body.encode(), {"x-amzn-ErrorType": "ModelError"})]
    with pytest.raises(prediction_error) as caught:
        predict(modules)
    assert (caught.value.status, caught.value.message) == (status, expected)
    assert len(aws.requests) == 1


@pytest.mark.parametrize("original", [429, 503])
@pytest.mark.parametrize(
    ("sent", "retry_after"), [({}, 1), ({"Retry-After": "7"}, 7), ({"Retry-After": "x"}, 1)]
)
def test_a_model_whose_queue_is_full_says_when_to_come_back(
    modules: Any,
    aws: AwsServer,
    prediction_error: Any,
    original: int,
    sent: dict[str, str],
    retry_after: int,
) -> None:
    body = json.dumps({"OriginalStatusCode": original, "OriginalMessage": '{"error": {"message": "full"}}'})
    aws.replies = [Reply(424, body.encode(), {"x-amzn-ErrorType": "ModelError", **sent})]
    with pytest.raises(prediction_error) as caught:
        predict(modules)
    assert (caught.value.status, caught.value.retry_after) == (original, retry_after)
    assert len(aws.requests) == 1  # repeating it would add to the queue


def test_the_service_s_retry_after_is_passed_on(
    modules: Any, aws: AwsServer, prediction_error: Any, pauses: list[float]
) -> None:
    reply = refusal("ServiceUnavailable", 503)
    aws.replies = [reply._replace(headers={**reply.headers, "Retry-After": "20"})]
    with pytest.raises(prediction_error) as caught:
        predict(modules, end=time.monotonic() + 20)
    assert (caught.value.status, caught.value.retry_after) == (503, 20)
    assert (len(aws.requests), pauses) == (1, [])  # it may be asked again only after the end


def test_a_second_attempt_may_succeed(modules: Any, aws: AwsServer, pauses: list[float]) -> None:
    aws.replies = [refusal("ThrottlingException"), Reply(200, b"[[1.0]]")]
    assert predict(modules).body == "[[1.0]]"
    assert len(pauses) == 1
    assert 0 <= pauses[0] <= modules["aws_service"].PAUSE_SECONDS


def test_no_attempt_is_begun_that_could_not_end_in_time(
    modules: Any, aws: AwsServer, prediction_error: Any, pauses: list[float]
) -> None:
    aws.replies = [refusal("ThrottlingException"), Reply(200, b"[[1.0]]")]
    with pytest.raises(prediction_error) as caught:
        predict(modules, end=time.monotonic() + modules["aws_service"].SHORTEST_SECONDS)
    assert caught.value.status == 429
    assert (len(aws.requests), pauses) == (1, [])


def test_a_model_that_does_not_answer_before_the_end_is_asked_once(
    modules: Any, aws: AwsServer, prediction_error: Any, pauses: list[float]
) -> None:
    aws.replies = [Reply(200, b"[[1.0]]", hold=True)]
    began = time.monotonic()
    with pytest.raises(prediction_error) as caught:
        predict(modules, end=began + 0.3)
    assert caught.value.status == 504
    assert (len(aws.requests), pauses) == (1, [])
    assert time.monotonic() - began < 10  # it gave up at the end, not when the server let go


def test_without_time_left_nothing_is_sent(modules: Any, aws: AwsServer, prediction_error: Any) -> None:
    with pytest.raises(prediction_error) as caught:
        predict(modules, end=time.monotonic() - 1)
    assert caught.value.status == 504
    assert aws.requests == []


def test_an_endpoint_that_cannot_be_reached(
    modules: Any, monkeypatch: pytest.MonkeyPatch, prediction_error: Any, pauses: list[float]
) -> None:
    with socket.socket() as unused:  # bound, but not listening: connections are refused
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(prediction_error) as caught:
            predict(modules)
    assert (caught.value.status, caught.value.retry_after) == (503, 5)
    assert "127.0.0.1" not in caught.value.message
    assert len(pauses) == 2


def test_a_warm_function_keeps_its_connection(modules: Any, aws: AwsServer) -> None:
    aws.replies = [Reply(200, b"[[1.0]]"), refusal("ValidationError"), Reply(200, b"[[2.0]]")]
    predict(modules)
    with pytest.raises(modules["http_response"].PredictionError):
        predict(modules)
    assert predict(modules).body == "[[2.0]]"
    assert aws.connections == 1


def test_a_kept_connection_that_the_service_has_closed_is_replaced_at_once(
    modules: Any, aws: AwsServer, pauses: list[float]
) -> None:
    aws.replies = [Reply(200, b"[[1.0]]", drop=True), Reply(200, b"[[2.0]]")]
    predict(modules)
    assert predict(modules).body == "[[2.0]]"
    assert (aws.connections, pauses) == (2, [])


def test_a_connection_that_was_long_unused_is_not_used_again(
    modules: Any, aws: AwsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.replies = [Reply(200, b"[[1.0]]"), Reply(200, b"[[2.0]]")]
    predict(modules)
    monkeypatch.setattr(modules["aws_service"], "IDLE_SECONDS", 0.0)
    assert predict(modules).body == "[[2.0]]"
    assert aws.connections == 2


def test_a_response_that_is_cut_off_is_asked_for_again(
    modules: Any, aws: AwsServer, pauses: list[float]
) -> None:
    aws.replies = [Reply(200, b"[[1.0]]", cut=3), Reply(200, b"[[2.0]]")]
    assert predict(modules).body == "[[2.0]]"
    assert len(pauses) == 1


def test_a_photo_of_the_inbox(modules: Any, aws: AwsServer) -> None:
    aws.replies = [Reply(200, b"photo")]
    assert modules["aws_calls"].inbox_photo("b", "inbox/a é", soon()) == b"photo"
    assert aws.requests[0].path == "/b/inbox/a%20%C3%A9"


def test_a_large_object_is_not_read(modules: Any, aws: AwsServer, prediction_error: Any) -> None:
    largest = modules["photo_format"].MAXIMUM_BYTES
    aws.replies = [Reply(200, b"x", {"Content-Length": str(largest + 1)})]
    with pytest.raises(prediction_error) as caught:
        modules["aws_calls"].inbox_photo("b", "inbox/a", soon())
    assert caught.value.status == 413


@pytest.mark.parametrize(
    ("code", "http_status", "status"),
    [
        ("NoSuchKey", 404, 404),
        ("AccessDenied", 403, 404),
        ("InvalidObjectState", 403, 404),
        ("SlowDown", 503, 429),
        ("BucketGone", 400, 502),
        ("InternalError", 500, 503),
    ],
)
def test_an_object_that_cannot_be_read(
    modules: Any,
    aws: AwsServer,
    prediction_error: Any,
    pauses: list[float],
    code: str,
    http_status: int,
    status: int,
) -> None:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>arn:aws:s3:::b</Message></Error>"
    aws.replies = [Reply(http_status, body.encode())] * 3
    with pytest.raises(prediction_error) as caught:
        modules["aws_calls"].inbox_photo("b", "inbox/a", soon())
    assert caught.value.status == status
    assert "arn" not in caught.value.message
