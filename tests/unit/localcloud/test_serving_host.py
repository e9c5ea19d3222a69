"""The adapter of AWS's Ray Serve images, and which archives its host serves."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from kennel.localcloud.services.sagemaker.endpoints import serving_host
from kennel.localcloud.services.sagemaker.endpoints.serving_host import Adapter, Answer

CONFIG = "applications: [{name: a, route_prefix: /, import_path: 'ray_application:application'}]"
ASGI = "async def application(scope, receive, send): pass\n"


def ask(
    application: Any, method: str = "POST", path: str = "/invocations", body: bytes = b"x", **headers: str
) -> Answer:
    """Return what the adapter answers with this application behind it."""
    sent: list[dict[str, Any]] = []
    pieces = [
        {"type": "http.request", "body": body[:1], "more_body": True},
        {"type": "http.request", "body": body[1:], "more_body": False},
    ]

    async def receive() -> dict[str, Any]:
        return pieces.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"a=1",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(Adapter(application, 0.05)(scope, receive, send))
    start, content = sent
    return Answer(start["status"], start["headers"], content["body"])


def answering(status: int = 200, headers: dict[str, str] | None = None) -> Any:
    """Return an application that answers with the request that reached it."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        document = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode(),
            "headers": {name.decode(): value.decode() for name, value in scope["headers"]},
            "body": message["body"].decode(),
        }
        given = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        await send({"type": "http.response.start", "status": status, "headers": given})
        text = json.dumps(document).encode()
        await send({"type": "http.response.body", "body": text[:10], "more_body": True})
        await send({"type": "http.response.body", "body": text[10:]})

    return application


def test_a_request_reaches_the_root_with_the_headers_that_the_adapter_passes_on() -> None:
    answer = ask(
        answering(),
        body=b"picture",
        content_type="image/jpeg",
        accept="application/json",
        user_agent="SDK",
        x_amzn_sagemaker_custom_attributes="a=1",
    )
    got = json.loads(answer.body)
    assert (got["method"], got["path"], got["query"], got["body"]) == ("POST", "/", "", "picture")
    assert got["headers"] == {
        "content-type": "image/jpeg",
        "accept": "application/json",
        "content-length": "7",
        "host": "localhost",
        "x-amzn-sagemaker-custom-attributes": "a=1",
    }


def test_a_request_without_types_is_one_for_json() -> None:
    headers = json.loads(ask(answering()).body)["headers"]
    assert (headers["content-type"], headers["accept"]) == ("application/json", "application/json")


def test_an_answer_keeps_its_status_its_type_and_sagemakers_headers() -> None:
    answer = ask(
        answering(
            503, {"Content-Type": "text/x", "X-Amzn-SageMaker-Custom-Attributes": "b", "Retry-After": "1"}
        )
    )
    assert answer.status == 503
    names = {name.lower(): value for name, value in answer.headers}
    assert names.pop(b"content-length")
    assert names == {b"content-type": b"text/x", b"x-amzn-sagemaker-custom-attributes": b"b"}


def test_an_application_that_does_not_answer_in_time_is_a_504() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await receive()  # a second message never comes

    answer = ask(application)
    assert (answer.status, json.loads(answer.body)) == (504, {"error": "Request timeout"})


def test_an_application_that_fails_is_a_500_without_its_traceback() -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("a secret")

    async def silent(scope: Any, receive: Any, send: Any) -> None:
        return

    for application in (failing, silent):
        answer = ask(application)
        assert (answer.status, answer.body) == (500, b"Internal Server Error")


@pytest.mark.parametrize(("status", "health"), [(200, 200), (404, 200), (503, 503), (500, 503)])
def test_the_health_is_the_applications_if_it_has_one(status: int, health: int) -> None:
    assert ask(answering(status), "GET", "/ping").status == health


def test_other_paths_and_methods_are_refused() -> None:
    assert ask(answering(), "GET", "/").status == 404
    assert ask(answering(), "GET", "/invocations").status == 405


def archive(folder: Path, **files: str) -> Path:
    """Return an archive's folder whose files are named without dots and slashes."""
    places = {"config": "config.yaml", "asgi": "code/asgi.py", "ray": "code/ray_application.py"}
    (folder / "code").mkdir(parents=True)
    for name, content in files.items():
        (folder / places[name]).write_text(content)
    return folder


@pytest.fixture
def path_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(folder: Path) -> Path:
        monkeypatch.syspath_prepend(str(folder / "code"))
        monkeypatch.delitem(sys.modules, "asgi", raising=False)
        return folder

    return use


def test_an_archive_with_the_application_for_both_servers_is_served(tmp_path: Path, path_of: Any) -> None:
    folder = path_of(archive(tmp_path / "a", config=CONFIG, asgi=ASGI, ray=""))
    assert serving_host.load_application(folder, {}).__module__ == "asgi"
    folder = path_of(archive(tmp_path / "b", asgi=ASGI, ray=""))
    assert serving_host.load_application(folder, {"SM_RAYSERVE_APP": "ray_application:a"})


@pytest.mark.parametrize(
    ("files", "refusal"),
    [
        ({"asgi": ASGI}, "No Ray Serve application found"),
        ({"asgi": ASGI, "config": CONFIG}, "ray_application:application is in no module"),
        ({"ray": "", "config": CONFIG}, "the local cloud has no Ray Serve .* in code/asgi.py"),
        ({"ray": "", "config": CONFIG, "asgi": ""}, "has no `application`"),
        ({"ray": "", "config": "[1", "asgi": ASGI}, "no configuration of Ray Serve"),
        ({"ray": "", "config": "applications: 1", "asgi": ASGI}, "no configuration of Ray Serve"),
        (
            {"ray": "", "config": CONFIG.replace("/,", "/a,"), "asgi": ASGI},
            "no application with route_prefix /",
        ),
    ],
)
def test_an_archive_that_the_container_or_its_host_cannot_serve_is_refused(
    tmp_path: Path, path_of: Any, files: dict[str, str], refusal: str
) -> None:
    folder = path_of(archive(tmp_path / "a", **files))
    with pytest.raises(SystemExit, match=refusal):
        serving_host.load_application(folder, {})
