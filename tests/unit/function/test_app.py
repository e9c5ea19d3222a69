"""The handler as a whole: every event receives a well-formed response."""

from __future__ import annotations

import base64
import json
import re
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kennel.checks import terraform_style

OBSERVABILITY = Path(__file__).resolve().parents[3] / "terraform" / "modules" / "observability"
CONTEXT = SimpleNamespace(
    aws_request_id="id-1",
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:kennel",
    get_remaining_time_in_millis=lambda: 30_000,
)


class Endpoint:
    """A model whose logits depend on the photo, in the place of the function's connection to SageMaker."""

    def __init__(self, response: Any) -> None:
        self.requests: list[Any] = []
        self.failure: Exception | None = None
        self._response = response

    def send(self, request: Any, region: str, end: float) -> Any:
        """Return logits or predictions as the endpoint does."""
        self.requests.append(request)
        if self.failure:
            raise self.failure
        first, last = request.body[-2:]
        if request.headers["Accept"] == "application/json":
            answer: Any = [[float(first), float(last)]]
        else:
            answer = {
                "predictions": [{"class": "a", "probability": first}, {"class": "b", "probability": last}]
            }
        attributes = {"x-amzn-sagemaker-custom-attributes": "release=r-0123456789ab"}
        return self._response(attributes, json.dumps(answer).encode())


@pytest.fixture
def endpoint(modules: Any, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    """A stand-in for the endpoint and the inbox; no network."""
    response = modules["aws_service"].Response
    model = Endpoint(response)
    inbox = SimpleNamespace(send=lambda *_: response({}, b"\xff\xd8\xff\x01\x02"))

    def no_network(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(modules["aws_calls"], "sagemaker", model)
    monkeypatch.setattr(modules["aws_calls"], "s3", inbox)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setenv("ENDPOINT_NAME", "kennel-local-classifier")
    monkeypatch.setenv("INBOX_BUCKET", "photos")
    return model


def encoded(photo: bytes) -> str:
    """Return a photo as an event carries it."""
    return base64.b64encode(photo).decode()


def test_a_photo_becomes_its_logits(modules: Any, endpoint: Endpoint, photos: dict[str, bytes]) -> None:
    for media_type, photo in photos.items():
        response = modules["app"].handler({"image": encoded(photo)}, CONTEXT)
        assert response["statusCode"] == 200
        assert json.loads(response["body"]) == [[float(photo[-2]), float(photo[-1])]]
        assert response["headers"]["Content-Type"] == "application/json"
        assert response["headers"]["X-Request-Id"] == "id-1"
        assert response["headers"]["X-Kennel-Release"] == "r-0123456789ab"
        assert endpoint.requests[-1].headers["Content-Type"] == media_type
        assert endpoint.requests[-1].url.endswith("/endpoints/kennel-local-classifier/invocations")


def test_top_asks_for_names(modules: Any, endpoint: Endpoint, photo: bytes) -> None:
    response = modules["app"].handler({"image": encoded(photo), "top": 1}, CONTEXT)
    assert len(json.loads(response["body"])["predictions"]) == 1
    assert response["headers"]["Content-Type"] == "application/vnd.kennel.predictions+json"


def test_an_object_of_the_inbox(modules: Any, endpoint: Endpoint) -> None:
    response = modules["app"].handler({"s3": "s3://photos/inbox/a.jpg"}, CONTEXT)
    assert json.loads(response["body"]) == [[1.0, 2.0]]


def test_what_is_not_a_photo_never_reaches_the_endpoint(modules: Any, endpoint: Endpoint) -> None:
    response = modules["app"].handler({"image": encoded(b"GIF89a")}, CONTEXT)
    assert response["statusCode"] == 415
    assert json.loads(response["body"]) == {
        "error": "that is not a JPEG, PNG or WebP photo",
        "requestId": "id-1",
    }
    assert endpoint.requests == []


def test_a_refused_method_names_the_allowed_one(modules: Any, endpoint: Endpoint) -> None:
    response = modules["app"].handler({"httpMethod": "GET"}, CONTEXT)
    assert (response["statusCode"], response["headers"]["Allow"]) == (405, "POST")


def test_a_denied_call_says_nothing_of_the_account(
    modules: Any, endpoint: Endpoint, photo: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    members = {"Message": f"User: {CONTEXT.invoked_function_arn} is not …"}
    endpoint.failure = modules["aws_service"].ServiceError("AccessDeniedException", 403, None, members)
    response = modules["app"].handler({"image": encoded(photo)}, CONTEXT)
    assert response["statusCode"] == 500
    assert json.loads(response["body"]) == {
        "error": "the service is not set up correctly",
        "requestId": "id-1",
    }
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["cause"], line["requestId"]) == ("ERROR", "AccessDeniedException", "id-1")


def test_an_internal_error_is_logged_and_not_in_the_response(
    modules: Any, endpoint: Endpoint, photo: bytes, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.delenv("ENDPOINT_NAME")
    response = modules["app"].handler({"image": encoded(photo)}, CONTEXT)
    assert response["statusCode"] == 500
    assert "ENDPOINT_NAME" not in response["body"]
    assert json.loads(capsys.readouterr().out)["cause"] == "'ENDPOINT_NAME'"


def test_a_fetch_leaves_time_for_the_endpoint(modules: Any, endpoint: Endpoint) -> None:
    late = SimpleNamespace(aws_request_id="id-2", get_remaining_time_in_millis=lambda: 4_000)
    response = modules["app"].handler({"url": "https://a.example/x.jpg"}, late)
    assert response["statusCode"] == 504


def test_a_quiet_log_level_keeps_answers_out_of_the_log(
    modules: Any, endpoint: Endpoint, photo: bytes, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    modules["app"].handler({"image": encoded(photo)}, CONTEXT)
    assert capsys.readouterr().out == ""


def _counted_as_error(line: str) -> bool:
    """Return whether the metric filter of the function's log group counts a line.

    Of CloudWatch's filter patterns (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/
    FilterAndPatternSyntax.html) only the form that is used: one selector that equals a text.
    """
    resources = terraform_style.parse(OBSERVABILITY / "main.tf")["resource"]
    [pattern] = [
        body["pattern"]
        for resource in resources
        for body in resource.get("aws_cloudwatch_log_metric_filter", {}).values()
    ]
    selector = re.fullmatch(r'\{ \$\.(?P<name>\w+) = \\?"(?P<text>\w+)\\?" \}', pattern)
    assert selector, pattern
    return json.loads(line).get(selector["name"]) == selector["text"]


@pytest.mark.parametrize("level", ["DEBUG", "ERROR"])
@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("AccessDeniedException", 500),
        (TimeoutError(), 504),
        ("ServiceUnavailable", 503),
        (RuntimeError("a fault of the function"), 500),
    ],
)
def test_every_answer_from_500_on_is_a_line_that_the_alarm_counts(
    modules: Any,
    endpoint: Endpoint,
    photo: bytes,
    error: Exception | str,
    status: int,
    level: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LOG_LEVEL", level)
    refused = modules["aws_service"].ServiceError
    endpoint.failure = refused(error, 400, None, {}) if isinstance(error, str) else error
    assert modules["app"].handler({"image": encoded(photo)}, CONTEXT)["statusCode"] == status
    assert [_counted_as_error(line) for line in capsys.readouterr().out.splitlines()] == [True]


def test_an_answer_below_500_is_not_counted_as_an_error(
    modules: Any, endpoint: Endpoint, photo: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    for event, status in (({"image": encoded(photo)}, 200), ({"image": encoded(b"GIF89a")}, 415), ({}, 400)):
        assert modules["app"].handler(event, CONTEXT)["statusCode"] == status
    assert [_counted_as_error(line) for line in capsys.readouterr().out.splitlines()] == [False] * 3


def test_the_parts_that_took_place_are_metrics(
    modules: Any,
    endpoint: Endpoint,
    photo: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("METRICS_NAMESPACE", "kennel-test")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "kennel-test-predict")
    events = ({"s3": "s3://photos/inbox/a.jpg"}, {"image": encoded(photo)}, {"image": "!"})
    expected = (["FetchLatency", "InvokeLatency"], ["InvokeLatency"], [])
    for event, parts in zip(events, expected, strict=True):
        modules["app"].handler(event, CONTEXT)
        line = json.loads(capsys.readouterr().out)
        [directive] = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "kennel-test"
        assert [line[name] for name in directive["Dimensions"][0]] == ["kennel-test-predict"]
        assert [metric["Name"] for metric in directive["Metrics"]] == [*parts, "TotalLatency"]
        assert {metric["Unit"] for metric in directive["Metrics"]} == {"Milliseconds"}
        assert 0 <= sum(line[part] for part in parts) <= line["TotalLatency"]
        assert abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < 60


def test_without_a_namespace_the_latency_is_in_the_log_only(
    modules: Any, endpoint: Endpoint, photo: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    modules["app"].handler({"image": encoded(photo)}, CONTEXT)
    line = json.loads(capsys.readouterr().out)
    assert "_aws" not in line
    assert 0 <= line["InvokeLatency"] <= line["TotalLatency"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
TEXTS = st.text() | st.sampled_from(
    ["https://a.example/", "s3://photos/inbox/a", "/9j/AAE=", "POST", "https://[", "s3://photos/inbox/\ud800"]
)
FIELDS = """
url s3 image top body headers isBase64Encoded httpMethod requestContext version queryStringParameters
"""
WORDS = st.sampled_from(FIELDS.split())
LIKELY = st.dictionaries(WORDS, TEXTS | JSON, max_size=5)
BODIES = st.fixed_dictionaries(
    {"httpMethod": st.just("POST"), "body": TEXTS | LIKELY.map(lambda body: json.dumps(body, default=str))},
    optional={"isBase64Encoded": st.booleans() | JSON, "headers": JSON, "queryStringParameters": JSON},
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(event=JSON | LIKELY | BODIES, context=st.sampled_from([CONTEXT, None, SimpleNamespace()]))
def test_any_event_receives_a_response(modules: Any, endpoint: Any, event: Any, context: Any) -> None:
    response = modules["app"].handler(event, context)
    assert set(response) == {"statusCode", "headers", "body"}
    assert response["statusCode"] == 200 or 400 <= response["statusCode"] < 500
    assert json.loads(json.dumps(response)) == response
    json.loads(response["body"])
    for leak in ("Traceback", "arn:", "SimpleNamespace", "Error("):
        assert leak not in response["body"]
