"""A model folder with a graph of three nodes, and a client that calls an ASGI application in its process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

CLASSES = ["001.Red_dog", "002.Green_dog", "003.Blue_dog"]
CROP, RESIZE = 56, 64


def write_graph(folder: Path) -> Path:
    """Write a model folder whose logits are the means of the picture's colours."""
    import openvino
    from openvino import opset13 as operation

    pixels = operation.parameter([1, CROP, CROP, 3], np.uint8, name="pixels")
    means = operation.reduce_mean(
        operation.convert(pixels, "f32"), operation.constant(np.array([1, 2])), False
    )
    openvino.serialize(openvino.Model([means], [pixels]), str(folder / "graph.xml"))
    description = {"classes": CLASSES, "preprocessing": {"resize": RESIZE, "crop": CROP}}
    (folder / "model.json").write_text(json.dumps(description))
    (folder / "release.json").write_text(json.dumps({"id": "r-42", "runtime": "openvino"}))
    return folder


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_graph(tmp_path_factory.mktemp("model"))


class ProvokedError(Exception):
    """A fault of the program that a test provokes."""


@dataclass(frozen=True)
class Answer:
    """What an application sent."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


async def send(
    application: Any,
    method: str,
    path: str,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    chunks: Iterable[bytes] = (b"",),
) -> Answer:
    """Send one request to an ASGI application."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "server": ("model", 80),
        "headers": [(name.lower().encode(), value.encode()) for name, value in pairs],
    }
    parts = list(chunks)
    messages = iter(
        {"type": "http.request", "body": part, "more_body": number < len(parts)}
        for number, part in enumerate(parts, 1)
    )
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "http.disconnect"})

    async def answer(message: dict[str, Any]) -> None:
        sent.append(message)

    with suppress(ProvokedError):  # Starlette answers, then raises it for the server's log
        await application(scope, receive, answer)
    start = next(message for message in sent if message["type"] == "http.response.start")
    content = b"".join(
        message.get("body", b"") for message in sent if message["type"] == "http.response.body"
    )
    return Answer(start["status"], {n.decode(): v.decode() for n, v in start["headers"]}, content)


@asynccontextmanager
async def started(application: Any) -> AsyncIterator[None]:
    """Run an application's lifespan around a block, as a server does."""
    received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    task = asyncio.create_task(
        application({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, received.get, sent.put)
    )
    await received.put({"type": "lifespan.startup"})
    message = await sent.get()
    if message["type"] != "lifespan.startup.complete":
        await asyncio.gather(task, return_exceptions=True)
        raise RuntimeError(message.get("message"))
    try:
        yield
    finally:
        await received.put({"type": "lifespan.shutdown"})
        await task


Ask = Callable[..., Answer]


@pytest.fixture
def ask(folder: Path) -> Ask:
    """Return a function that starts the application of the model folder and sends it one request."""
    from kennel.serving import application, model

    served = model.load(folder)

    def one(method: str, path: str, headers: Any = (), chunks: Iterable[bytes] = (b"",)) -> Answer:
        async def run() -> Answer:
            served_application = application.create(served)
            async with started(served_application):
                return await send(served_application, method, path, headers, chunks)

        return asyncio.run(run())

    return one
