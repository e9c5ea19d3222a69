"""HTTP responses, errors in AWS's form, and request bodies."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from moto.core.exceptions import ServiceException

Environ = dict[str, Any]


class AwsError(ServiceException):
    """An error response in the called service's own protocol.

    Parameters
    ----------
    code
        AWS's error code, e.g. ``ValidationException``.
    message
        The text that the caller reads.
    status
        HTTP status; None takes the one that the service's model gives this code, else 400.
    members
        Further members of the modelled error, e.g. ``OriginalStatusCode``.
    """

    def __init__(self, code: str, message: str, status: int | None = None, **members: Any) -> None:
        super().__init__(code, message)
        self.status = status
        for name, value in members.items():
            setattr(self, name, value)


@dataclass
class Response:
    """A complete HTTP response."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is one of success (2xx)."""
        return 200 <= self.status < 300

    def json(self) -> dict[str, Any]:
        """Return the decoded body."""
        document: dict[str, Any] = json.loads(self.body or b"{}")
        return document


class Parts(Protocol):
    """A body that comes part by part; whoever has it closes it, also without having read it."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield the parts."""

    def close(self) -> None:
        """Give back what the body holds."""


@dataclass
class StreamedResponse(Response):
    """An HTTP response whose body is sent part by part, as it comes; `body` is empty."""

    parts: Parts


def text_response(status: int, message: str) -> Response:
    """Return a response of one line of text."""
    return Response(status, [("Content-Type", "text/plain; charset=utf-8")], (message + "\n").encode())


class Unchanged(Exception):  # noqa: N818 - control flow: carries a response, does not report a fault
    """Passes a response of moto's on to the caller as it is."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def read_body(environ: Environ) -> bytes:
    """Read a request's whole body, and leave the environment readable again.

    Raises
    ------
    AwsError
        ``IncompleteBody``: the body ended before its announced length, or one of its chunks is malformed.
        ``InvalidRequest``: the announced length is no number, or there are two: a length and chunks.
    ``RequestTimeout``: nothing came for too long.
    """
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH") or "0"
    chunked = environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    if not length.isascii() or not length.isdigit() or chunked not in ("", "chunked", "identity"):
        raise AwsError("InvalidRequest", f"{length[:20]!r} {chunked[:20]} is no length of a body.")
    if chunked == "chunked" and environ.get("CONTENT_LENGTH"):
        raise AwsError("InvalidRequest", "A body has a length or comes in chunks, not both.")
    body: bytes
    try:
        body = stream.read() if chunked == "chunked" else stream.read(int(length))
    except TimeoutError as error:
        raise AwsError(
            "RequestTimeout",
            "Your socket connection to the server was not read from or written to within the timeout period.",
        ) from error
    except OSError as error:  # of a chunk, whose length is none
        raise AwsError("IncompleteBody", f"The body could not be read: {error}") from error
    if chunked == "chunked":
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING")
        environ.pop("wsgi.input_terminated", None)
    elif len(body) < int(length):
        raise AwsError("IncompleteBody", f"The body has {len(body)} of the {length} bytes announced.")
    environ["wsgi.input"] = io.BytesIO(body)
    return body
