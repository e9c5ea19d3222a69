"""The ASGI application of a model: `POST /invocations` (and `/`), `GET /ping`. Any ASGI server hosts it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import numpy as np
from PIL import Image
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kennel import pictures
from kennel.serving import cores, memory, model, requests
from kennel.serving.model import Model
from kennel.serving.refusal import Refusal, error_response
from kennel.serving.workers import Workers

# The header that SageMaker passes on from a container. An answer names its release, because during an update
# answers are of both.
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
LOG = logging.getLogger(__name__)


class Service:
    """A loaded model and its workers."""

    def __init__(self, served: Model) -> None:
        self.model, self.workers = served, Workers(served.allocation.workers)

    def warm_up(self) -> None:
        """Classify a picture in every worker: allocates memory and selects kernels before any request."""
        self.workers.warm_up(lambda: self.model.logits(_picture(self.model.resize)))

    async def answer(self, request: Request) -> Response:
        """Return the logits of the request's picture, or named predictions.

        Raises
        ------
        Refusal
            The request cannot be answered.
        """
        requests.check(request)
        kind = requests.answer_type(request.headers.get("accept"))
        with self.workers.place():
            body = await requests.body(request)
            try:
                logits = await self.workers.run(self.model.logits, body)
            except pictures.PictureError as error:
                bad = HTTPStatus.BAD_REQUEST if error.kind == "format" else HTTPStatus.UNPROCESSABLE_ENTITY
                raise Refusal(bad, str(error)) from None
        document = [logits] if kind == requests.JSON else self.model.named(logits)
        headers = {ATTRIBUTES: f"release={self.model.release}"} if self.model.release else {}
        return Response(json.dumps(document), media_type=kind, headers=headers)


def create(served: Model | Path | str) -> Starlette:
    """Return the application of a loaded model, or of a model folder, which is loaded when the server starts.

    The server's start (ASGI's lifespan) is complete when the model has classified a picture. A model that
    does not load ends the server.
    """

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        service = await asyncio.to_thread(_start, served)
        application.state.service = service
        yield
        application.state.service = None
        service.workers.close()

    application = Starlette(
        routes=[
            Route("/ping", _ping, methods=["GET"]),
            Route("/invocations", _invoke, methods=["POST"]),
            Route("/", _invoke, methods=["POST"]),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _failure},
        lifespan=lifespan,
    )
    application.state.service = None
    return application


def _start(served: Model | Path | str) -> Service:
    memory.keep_freed()
    if not isinstance(served, Model):
        served = model.load(served, cores.allocate(os.environ, cores.available()))
    service = Service(served)
    service.warm_up()
    return service


def _picture(side: int) -> bytes:
    """Return a JPEG of a gradient."""
    row, column = np.mgrid[0:side, 0:side]
    pixels = np.stack([row, column, row + column], axis=-1) % 256
    encoded = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(encoded, "JPEG")
    return encoded.getvalue()


async def _ping(request: Request) -> Response:
    service: Service | None = request.app.state.service
    if service is None or service.workers.stuck():
        state = "Loading" if service is None else "Stuck"
        return JSONResponse({"status": state}, HTTPStatus.SERVICE_UNAVAILABLE)
    return JSONResponse({"status": "Healthy"})


async def _invoke(request: Request) -> Response:
    service: Service | None = request.app.state.service
    try:
        if service is None:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "the model is loading", {"Retry-After": "1"})
        return await service.answer(request)
    except Refusal as refusal:
        if refusal.status != HTTPStatus.REQUEST_TIMEOUT:
            await requests.discard(request)
        return refusal.response()
    except ClientDisconnect:
        return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody reads it


async def _http_error(request: Request, error: Exception) -> Response:
    """Answer an unknown path or method in JSON."""
    assert isinstance(error, HTTPException)
    return error_response(error.status_code, error.detail, error.headers)


async def _failure(request: Request, error: Exception) -> Response:
    """Answer a fault of the program: the log has the traceback, the caller one line."""
    return error_response(HTTPStatus.INTERNAL_SERVER_ERROR, "the model server failed; its log says why")
