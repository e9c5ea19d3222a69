"""The queue: bounded, refused with Retry-After when full, and never stuck behind a caller that is slow."""

from __future__ import annotations

import asyncio
import io
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kennel.serving import application, model, workers
from kennel.serving.cores import Allocation
from kennel.serving.refusal import Refusal
from kennel.serving.workers import WAITING, Workers

from .conftest import Answer, send, started

JPEG = {"Content-Type": "image/jpeg"}


def photo() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (80, 80), "teal").save(buffer, "JPEG")
    return buffer.getvalue()


class Gate:
    """A runtime that answers the first call, and holds the others until it is opened."""

    def __init__(self) -> None:
        self.calls = 0
        self.open = threading.Event()

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        self.calls += 1
        if self.calls > 1:
            assert self.open.wait(60)
        return np.zeros((1, 3), np.float32)


def test_what_the_queue_does_not_hold_is_refused_and_what_it_holds_is_answered(folder: Path) -> None:
    gate = Gate()
    served = application.create(replace(model.load(folder), infer=gate, allocation=Allocation(1, 1, 1)))
    places = 1 + WAITING

    async def answers() -> list[Answer]:
        async with started(served):
            waiting = [asyncio.create_task(send(served, "POST", "/", JPEG, [photo()])) for _ in range(places)]
            while served.state.service.workers.taken < places:
                await asyncio.sleep(0)
            refused = [await send(served, "POST", "/", JPEG, [photo()]) for _ in range(3)]
            healthy = await send(served, "GET", "/ping")
            gate.open.set()
            answered = await asyncio.gather(*waiting)
            return [*refused, healthy, *answered, await send(served, "POST", "/", JPEG, [photo()])]

    first, second, third, healthy, *answered = asyncio.run(answers())
    for refused in (first, second, third):
        assert (refused.status, refused.document["error"]["status"]) == (503, 503)
        assert int(refused.headers["retry-after"]) >= 1
    assert healthy.status == 200
    assert [answer.status for answer in answered] == [200] * (places + 1)


def test_a_full_queue_refuses_before_it_reads_the_body() -> None:
    pool = Workers(1, waiting=0)
    with pool.place(), pytest.raises(Refusal), pool.place():
        raise AssertionError
    with pool.place():
        assert pool.taken == 1
    pool.close()


def test_ping_fails_while_a_request_hangs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "STUCK_SECONDS", 0.0)
    gate = Gate()
    served = application.create(replace(model.load(folder), infer=gate, allocation=Allocation(1, 1, 1)))

    async def states() -> list[int]:
        async with started(served):
            idle = await send(served, "GET", "/ping")
            request = asyncio.create_task(send(served, "POST", "/", JPEG, [photo()]))
            while gate.calls < 2:
                await asyncio.sleep(0.001)
            hanging = await send(served, "GET", "/ping")
            gate.open.set()
            answered = await request
            return [idle.status, hanging.status, answered.status, (await send(served, "GET", "/ping")).status]

    assert asyncio.run(states()) == [200, 503, 200, 200]


def test_a_place_is_free_again_after_a_failure(folder: Path) -> None:
    served = application.create(folder)

    async def taken() -> tuple[int, int]:
        async with started(served):
            answer = await send(served, "POST", "/", JPEG, [b"no picture"])
            return answer.status, served.state.service.workers.taken

    assert asyncio.run(taken()) == (400, 0)


def test_a_caller_that_sends_nothing_more_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application.requests, "BODY_SECONDS", 0.01)
    served = application.create(folder)

    async def answer() -> int:
        sent: list[int] = []

        async def receive() -> dict[str, object]:
            await asyncio.Event().wait()
            raise AssertionError

        async def record(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                sent.append(int(str(message["status"])))

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "query_string": b"",
            "headers": [(b"content-type", b"image/jpeg")],
        }
        async with started(served):
            await served(scope, receive, record)
            assert served.state.service.workers.taken == 0
        return sent[0]

    assert asyncio.run(answer()) == 408
