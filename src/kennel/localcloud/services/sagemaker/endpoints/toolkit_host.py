"""The model server of the `pytorch-inference` images: SageMaker's own handler code, one process an instance.

The real container puts the same handler, `sagemaker_pytorch_serving_container`, behind TorchServe. This
program is started by path (`python -P toolkit_host.py`), not as a module of the project, so that the model
can import nothing but its archive's own `code/` and the installed packages.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import queue
import sys
import threading
import types
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

# TorchServe's `max_request_size`, which the container leaves at its default.
LARGEST_REQUEST = 6_553_500
TORCHSERVE_MESSAGES = "ts.protocol.otf_message_handler"
THREADS = 64  # waiting for a worker costs a thread; waitress queues what is beyond
REASONS = {200: "OK", 400: "Bad Request", 413: "Request Entity Too Large", 503: "Service Unavailable"}

JSON = {"Content-Type": "application/json"}

Answer = tuple[int, dict[str, str], bytes]  # status, headers, body
Write = Callable[[bytes], Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Write]


class BrokenStreamError(Exception):
    """The model failed after parts of its answer were sent: the connection ends without the rest."""


class TorchServeRequest:
    """A request as the toolkit asks TorchServe about it: its headers."""

    def __init__(self, properties: dict[str, str]) -> None:
        self._properties = properties

    def get_request_properties(self) -> dict[str, str]:
        return self._properties


class TorchServeContext:
    """TorchServe's context, as far as the toolkit uses it: one for each worker, renewed for each request.

    The toolkit keeps the context that it was initialised with, and sets an error's status and content type
    on that one; a new context for each request would not see them.
    """

    def __init__(self, model_dir: str) -> None:
        self.request_ids: dict[int, str] = {}
        self.system_properties = {"model_dir": model_dir, "gpu_id": None, "batch_size": 1}
        self.model_name = "model"
        self.manifest: dict[str, Any] = {}
        self.renew({}, None)

    def renew(self, properties: dict[str, str], start_response: StartResponse | None) -> None:
        """Take the next request.

        Parameters
        ----------
        properties
            Its headers.
        start_response
            Begins an answer whose parts are sent before its end.
        """
        self.request_processor = [TorchServeRequest(properties)]
        self.request_ids = {0: str(uuid.uuid4())}
        self.status, self.phrase = 200, ""
        self.headers: dict[str, str] = {}
        self._start_response = start_response
        self.write: Write | None = None

    def send_part(self, part: bytes) -> None:
        """Send a part of the answer now; the first one begins it."""
        if self.write is None:
            assert self._start_response is not None
            self.write = self._start_response(*_head(200, {"Content-Type": "text/plain", **self.headers}))
        self.write(part)

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.status, self.phrase = code, phrase

    def set_response_content_type(self, request_id: int, value: str) -> None:
        self.set_response_header(request_id, "Content-Type", value)

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        self.headers[key] = value

    def get_request_header(self, idx: int, key: str) -> str | None:
        return self.request_processor[idx].get_request_properties().get(key)


class ModelWorkers:
    """Workers that each hold the model, as TorchServe's do; a request waits for a free one.

    Parameters
    ----------
    model_dir : str
        The unpacked archive.
    workers : int
        How many requests are worked on at once.
    """

    def __init__(self, model_dir: str, workers: int) -> None:
        from sagemaker_pytorch_serving_container.handler_service import HandlerService

        self._idle: queue.LifoQueue[tuple[Any, TorchServeContext]] = queue.LifoQueue()
        for _ in range(workers):
            handler, context = HandlerService(), TorchServeContext(model_dir)
            handler.initialize(context)
            self._idle.put((handler, context))

    def handle(
        self, body: bytes, properties: dict[str, str], start_response: StartResponse
    ) -> tuple[Answer, bool]:
        """Return what the model answers a request with, and whether it is the last part of an answer.

        Raises
        ------
        BrokenStreamError
            It failed after parts of its answer were sent.
        """
        handler, context = worker = self._idle.get()
        try:
            context.renew(properties, start_response)
            output = handler.handle([{"body": bytearray(body)}], context)[0]
            answer = context.status, {"Content-Type": "text/plain", **context.headers}, _encoded(output)
            begun = context.write is not None
        finally:
            self._idle.put(worker)
        if begun and context.status >= 400:
            raise BrokenStreamError(answer[2].decode(errors="replace"))
        return answer, begun


def _encoded(output: Any) -> bytes:
    """Return what a handler returns as bytes, as TorchServe sends it."""
    if isinstance(output, (bytes, bytearray)):
        return bytes(output)
    return (output if isinstance(output, str) else json.dumps(output)).encode()


def send_intermediate_predict_response(
    ret: Sequence[Any], req_id_map: Mapping[int, str], message: str, code: int, context: TorchServeContext
) -> None:
    """Send a part of the answer to each request of a batch before its end: TorchServe's function.

    https://github.com/pytorch/serve/blob/master/docs/inference_api.md#predictions-api
    """
    for index in req_id_map.keys() & context.request_ids.keys():  # a batch is one request here
        context.send_part(_encoded(ret[index]))


def offer_streaming() -> None:
    """Let handlers import TorchServe's function for answers in parts from its two modules."""
    for name in ("ts", "ts.handler_utils", "ts.handler_utils.utils", "ts.protocol", TORCHSERVE_MESSAGES):
        module = sys.modules.setdefault(name, types.ModuleType(name))
        module.__path__ = []
    for name in ("ts.handler_utils.utils", TORCHSERVE_MESSAGES):
        setattr(
            sys.modules[name], send_intermediate_predict_response.__name__, send_intermediate_predict_response
        )


def _head(status: int, headers: Mapping[str, str]) -> tuple[str, list[tuple[str, str]]]:
    reason = REASONS.get(status, "Error" if status >= 400 else "OK")
    return f"{status} {reason}", list(headers.items())


class ModelServer:
    """The WSGI application: `/ping` and `/invocations`, as SageMaker calls them."""

    def __init__(self) -> None:
        self.model: ModelWorkers | None = None

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        (status, headers, body), begun = self._respond(environ, start_response)
        if begun:
            return iter((body,))  # of a list of one element waitress takes the length for the whole answer's
        start_response(*_head(status, {**headers, "Content-Length": str(len(body))}))
        return [body]

    def _respond(self, environ: dict[str, Any], start_response: StartResponse) -> tuple[Answer, bool]:
        refusal = self._refusal(environ)
        if refusal:
            return refusal, False
        assert self.model is not None
        properties = {
            name[5:].replace("_", "-").title(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        if environ.get("CONTENT_TYPE"):
            properties["Content-Type"] = environ["CONTENT_TYPE"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        return self.model.handle(body, properties, start_response)

    def _refusal(self, environ: dict[str, Any]) -> Answer | None:
        """Return the answer to what does not go to the model."""
        path = environ["PATH_INFO"]
        if path == "/ping":
            healthy = self.model is not None
            state = b'{"status": "Healthy"}' if healthy else b'{"status": "Loading"}'
            return 200 if healthy else 503, JSON, state
        if path != "/invocations":
            return 404, JSON, b'{"code": 404, "message": "Requested resource is not found"}'
        if self.model is None:
            return 503, JSON, b'{"code": 503, "message": "The model is still loading"}'
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > LARGEST_REQUEST:
            message = f"The request has {length} bytes; the limit is {LARGEST_REQUEST}."
            return 413, JSON, json.dumps({"code": 413, "message": message}).encode()
        return None


def main() -> None:
    """Serve the model below SAGEMAKER_BASE_DIR at a Unix socket."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", required=True)
    socket = parser.parse_args().socket
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    model_dir = Path(os.environ["SAGEMAKER_BASE_DIR"], "model")
    code = model_dir / "code"
    sys.path.insert(0, str(code))
    offer_streaming()
    server = ModelServer()
    threading.Thread(target=_load, args=(server, str(model_dir)), name="load", daemon=True).start()
    import waitress

    waitress.serve(
        server,
        unix_socket=socket,
        unix_socket_perms="600",
        threads=THREADS,
        # What is too large is refused by the application, in JSON; this only bounds what is read for it.
        max_request_body_size=4 * LARGEST_REQUEST,
        inbuf_overflow=2 * LARGEST_REQUEST,
        channel_timeout=3600,  # the caller keeps its connections
        connection_limit=1000,
        ident=None,
    )


def _load(server: ModelServer, model_dir: str) -> None:
    try:
        server.model = ModelWorkers(model_dir, int(os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or 1))
    except BaseException:
        logging.exception("the model does not load")
        # A container whose workers cannot load the model ends; so does this process, from whatever thread.
        logging.shutdown()
        sys.stderr.flush()
        os._exit(1)
    logging.info("the model is loaded")


if __name__ == "__main__":
    main()
