"""The model server of AWS's Ray Serve images: their contract with an archive and with SageMaker, without Ray.

In the real container an adapter on port 8080 passes SageMaker's requests on to Ray Serve on port 8000, which
runs the application that the archive's `config.yaml` names (`scripts/docker/ray/` in
https://github.com/aws/deep-learning-containers). Ray is 12 processes and 2 GB. An archive whose
`code/asgi.py` has the same application as `application` needs none: this program is the adapter, with that
application in its own process, under uvicorn. It refuses what the real container would refuse, and an archive
that needs Ray itself.

It is started by path (`python -P serving_host.py`), not as a module of the project: the model imports what is
in its archive, which PYTHONPATH names, and the installed packages.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import json
import logging
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PREFIX = b"x-amzn-sagemaker-"  # of the headers that the adapter passes on, in both directions
JSON = "application/json"
PING_SECONDS = 5.0  # the adapter's own time limit of a health check
METHODS = {"/invocations": "POST", "/ping": "GET"}

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

log = logging.getLogger("serving host")


@dataclass
class Answer:
    """What an application answers, or what the adapter answers in its place; a status of 0 is no answer."""

    status: int = 0
    headers: Iterable[tuple[bytes, bytes]] = ()
    body: bytes = b""

    @classmethod
    def of(cls, status: int, document: dict[str, Any]) -> Answer:
        """Return a JSON answer."""
        return cls(status, [(b"content-type", JSON.encode())], json.dumps(document).encode())

    def header(self, name: bytes) -> bytes | None:
        """Return a header's value."""
        return next((value for key, value in self.headers if key.lower() == name), None)


class Adapter:
    """The ASGI application that SageMaker sees: `/invocations` and `/ping`.

    Parameters
    ----------
    application
        The archive's.
    seconds
        The longest that it may take to answer.
    """

    def __init__(self, application: Application, seconds: float) -> None:
        self._application, self._seconds = application, seconds

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # the start and the end of the process concern the application alone
            await self._application(scope, receive, send)
            return
        allowed = METHODS.get(scope["path"])
        if allowed is None:
            answer = Answer.of(404, {"detail": "Not Found"})
        elif scope["method"] != allowed:
            answer = Answer.of(405, {"detail": "Method Not Allowed"})
        elif allowed == "GET":
            answer = await self._ping(scope)
        else:
            answer = await self._invoke(scope, await _body(receive))
        headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _ping(self, scope: Message) -> Answer:
        """Ask for the application's own health, if it tells it: Ray Serve watches its replicas itself."""
        try:
            answer = await asyncio.wait_for(self._ask(scope, "GET", "/ping", [], b""), PING_SECONDS)
        except TimeoutError:
            return Answer(503)
        return Answer(200 if answer.status in (200, 404, 405) else 503)

    async def _invoke(self, scope: Message, body: bytes) -> Answer:
        given = {name.lower(): value for name, value in scope["headers"]}
        accept = given.get(b"accept", JSON.encode())
        headers = [(name, value) for name, value in scope["headers"] if name.lower().startswith(PREFIX)]
        headers += [
            (b"content-type", given.get(b"content-type", JSON.encode())),
            (b"accept", accept),
            (b"content-length", str(len(body)).encode()),
            (b"host", given.get(b"host", b"localhost")),
        ]
        try:
            answer = await asyncio.wait_for(self._ask(scope, "POST", "/", headers, body), self._seconds)
        except TimeoutError:
            return Answer.of(504, {"error": "Request timeout"})
        passed = [(name, value) for name, value in answer.headers if name.lower().startswith(PREFIX)]
        passed.append((b"content-type", answer.header(b"content-type") or accept))
        return Answer(answer.status, passed, answer.body)

    async def _ask(self, scope: Message, method: str, path: str, headers: Headers, body: bytes) -> Answer:
        """Return the application's answer to one request; what it raises is a 500, as under Ray Serve."""
        answer, requests = Answer(), [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if not requests:
                await asyncio.Event().wait()  # the adapter never hangs up
            return requests.pop()

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status, answer.headers = message["status"], list(message.get("headers", ()))
            elif message["type"] == "http.response.body":
                answer.body += message.get("body", b"")

        request = {"method": method, "path": path, "raw_path": path.encode(), "root_path": ""}
        try:
            await self._application(
                {**scope, **request, "query_string": b"", "headers": headers}, receive, send
            )
        except Exception:
            log.exception("the application failed on %s %s", method, path)
            return Answer(500, [(b"content-type", b"text/plain; charset=utf-8")], b"Internal Server Error")
        if not answer.status:
            log.error("the application returned from %s %s without an answer", method, path)
            return Answer(500, [(b"content-type", b"text/plain; charset=utf-8")], b"Internal Server Error")
        return answer


async def _body(receive: Receive) -> bytes:
    parts = []
    while (message := await receive())["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    return b"".join(parts)


def load_application(model: Path, variables: dict[str, str]) -> Application:
    """Return the application of an archive that the real container would serve too.

    Parameters
    ----------
    model
        The unpacked archive; it and its ``code`` are on the module search path.
    variables
        The container's environment.

    Raises
    ------
    SystemExit
        The container would end as well, or the archive needs Ray itself; the text says which.
    """
    target = _target(model, variables)
    module = target.partition(":")[0].partition(".")[0]
    if importlib.util.find_spec(module) is None:
        raise SystemExit(f"ERROR: the Ray Serve application {target} is in no module of this archive")
    if not (model / "code" / "asgi.py").is_file():
        raise SystemExit(
            f"ERROR: the local cloud has no Ray Serve to run {target}. It serves the same application "
            "without Ray if the archive has it as `application`, an ASGI application, in code/asgi.py"
        )
    application: Application | None = getattr(importlib.import_module("asgi"), "application", None)
    if application is None:
        raise SystemExit("ERROR: code/asgi.py of this archive has no `application`")
    return application


def _target(model: Path, variables: dict[str, str]) -> str:
    """Return the `module:application` that the container's entry point would run."""
    config = model / "config.yaml"
    if not config.is_file():
        if target := variables.get("SM_RAYSERVE_APP"):
            return target
        raise SystemExit(
            "ERROR: No Ray Serve application found. Provide one of: config.yaml at the root of the archive, "
            "or the environment variable SM_RAYSERVE_APP (module:app)"
        )
    import yaml

    try:
        applications = yaml.safe_load(config.read_text(encoding="utf-8"))["applications"]
        targets = {item.get("route_prefix", "/"): str(item["import_path"]) for item in applications}
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise SystemExit(f"ERROR: config.yaml is no configuration of Ray Serve: {error!r}") from None
    if "/" not in targets:
        raise SystemExit("ERROR: config.yaml has no application with route_prefix /, where requests go")
    return targets["/"]


def main() -> None:
    """Serve the model below SAGEMAKER_BASE_DIR at a Unix socket."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", required=True)
    socket = parser.parse_args().socket
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    model = Path(os.environ["SAGEMAKER_BASE_DIR"], "model")
    application = load_application(model, dict(os.environ))
    import uvicorn

    uvicorn.run(
        Adapter(application, float(os.environ.get("RAYSERVE_BACKEND_TIMEOUT") or 300)),
        uds=socket,
        log_config=None,
        access_log=False,
        timeout_keep_alive=3600,  # the caller keeps its connections
    )


if __name__ == "__main__":
    main()
