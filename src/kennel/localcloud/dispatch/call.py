"""A call: a decoded request, with the running cloud and moto for its handler."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from wsgiref.types import WSGIApplication

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.protocol.messages import Environ, Response, Unchanged, read_body


def run_wsgi(application: WSGIApplication, environ: Environ, body: bytes | None) -> Response:
    """Return a WSGI application's whole response.

    Parameters
    ----------
    body
        The request's body; None leaves the stream in ``environ`` to the application.
    """
    if body is not None:
        environ = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        environ.pop("HTTP_TRANSFER_ENCODING", None)
    started: dict[str, Any] = {}
    parts: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        started.update(status=int(status.split(" ", 1)[0]), headers=headers)
        return parts.append

    chunks = application(environ, start_response)
    try:
        parts.extend(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close:
            close()
    return Response(started["status"], started["headers"], parts[0] if len(parts) == 1 else b"".join(parts))


@dataclass
class Call:
    """A request under way, as its handler receives it.

    Attributes
    ----------
    request
        The operation and its parameters, the caller, and where the request came from.
    cloud
        The running local cloud.
    moto
        The WSGI application that responds to what has no handler here.
    environ
        The HTTP request in WSGI's form, which moto reads.
    json_version
        The version in the content type of the service's JSON protocol; None for REST protocols.
    """

    request: ApiRequest
    cloud: Cloud
    moto: WSGIApplication
    environ: Environ
    json_version: str | None = None
    _body: bytes | None = field(default=None, repr=False)

    @property
    def service(self) -> str:
        """botocore's name of the service."""
        return self.request.service

    @property
    def operation(self) -> str:
        """botocore's name of the operation."""
        return self.request.operation

    @property
    def parameters(self) -> dict[str, Any]:
        """The request's parameters by botocore's member names."""
        return self.request.parameters

    @property
    def region(self) -> str:
        """The region that the request was signed for."""
        return self.request.region

    @property
    def account(self) -> str:
        """The account id, 12 digits."""
        return self.request.account

    @property
    def principal(self) -> Principal:
        """The caller."""
        return self.request.principal

    @property
    def body(self) -> bytes:
        """The request's body; a streamed upload is read at the first use."""
        if self._body is None:
            self._body = read_body(self.environ)
        return self._body

    def replace_body(self, body: bytes, environ: Environ) -> None:
        """Take another body, and other values in the environment for moto; None leaves a value out."""
        self._body = body
        self.environ.update(environ)
        for name in [name for name, value in environ.items() if value is None]:
            del self.environ[name]

    def arn(self, resource: str, service: str | None = None) -> str:
        """Return the ARN of a resource of this account and region."""
        return self.request.arn(resource, service)

    def backend(self, service: str | None = None, region: str | None = None) -> Any:
        """Return moto's backend object for this account.

        Parameters
        ----------
        service
            Service name; the call's own when omitted.
        region
            Region name; ``"aws"`` for global services. By default the call's region, or the global backend
            of a service that has no regional ones.
        """
        from moto.backends import get_backend

        regions = get_backend(service or self.service)[self.account]
        if region is None:
            region = self.region if self.region in regions.regions else "aws"
        return regions[region]

    def ask_moto(self, body: bytes | None = None) -> Response:
        """Return moto's own response to the request.

        Parameters
        ----------
        body
            Another body for moto to read instead of the request's.
        """
        return run_wsgi(self.moto, self.environ, self._body if body is None else body)

    def ask_moto_json(self, body: bytes | None = None) -> dict[str, Any]:
        """Return moto's own JSON response, decoded.

        Raises
        ------
        Unchanged
            moto responded with an error: it goes to the caller as it is.
        """
        response = self.ask_moto(body)
        if not response.ok:
            raise Unchanged(response)
        return response.json()

    def json(self, document: dict[str, Any], status: int = 200) -> Response:
        """Return a JSON response with exactly these members, where the serializer would drop some."""
        content_type = (
            f"application/x-amz-json-{self.json_version}" if self.json_version else "application/json"
        )
        return Response(status, [("Content-Type", content_type)], json.dumps(document).encode())
