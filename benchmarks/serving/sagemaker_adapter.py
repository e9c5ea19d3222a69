"""What AWS's Ray image puts between SageMaker and Ray Serve: ``/invocations`` and ``/ping`` on its own port.

Written after the image's ``sagemaker_serve.py``: a body goes to ``/`` with its content type, ``Accept`` and
SageMaker's headers; of the answer's headers only the content type and SageMaker's come back. A ping asks Ray
Serve, not the application. It runs in ``.venv-ray``: ``python sagemaker_adapter.py PORT RAY_SERVE_PORT``.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

SAGEMAKERS = "x-amzn-sagemaker-"
SECONDS, PING_SECONDS = 300, 5  # until a request to Ray Serve has timed out


def application(backend: str) -> Starlette:
    """Return the adapter in front of a Ray Serve."""

    @contextlib.asynccontextmanager
    async def lifespan(adapter: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=SECONDS) as client:
            adapter.state.client = client
            yield

    async def invocations(request: Request) -> Response:
        headers = {name: value for name, value in request.headers.items() if name.startswith(SAGEMAKERS)}
        for name in ("content-type", "accept"):
            headers[name] = request.headers.get(name, "application/json")
        try:
            answer = await request.app.state.client.post(
                f"{backend}/", content=await request.body(), headers=headers
            )
        except httpx.TimeoutException:
            return JSONResponse({"error": "Request timeout"}, 504)
        except httpx.ConnectError:
            return JSONResponse({"error": "Service unavailable"}, 503)
        kept = {name: value for name, value in answer.headers.items() if name.startswith(SAGEMAKERS)}
        kind = answer.headers.get("content-type", headers["accept"])
        return Response(answer.content, answer.status_code, kept, kind)

    async def ping(request: Request) -> Response:
        try:
            answer = await request.app.state.client.get(f"{backend}/-/healthz", timeout=PING_SECONDS)
        except httpx.HTTPError:
            return Response(status_code=503)
        return Response(status_code=200 if answer.status_code == 200 else 503)

    routes = [Route("/invocations", invocations, methods=["POST"]), Route("/ping", ping)]
    return Starlette(routes=routes, lifespan=lifespan)


if __name__ == "__main__":
    port, ray_port = map(int, sys.argv[1:])
    uvicorn.run(application(f"http://127.0.0.1:{ray_port}"), port=port, log_level="info")
