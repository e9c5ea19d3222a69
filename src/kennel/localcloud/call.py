"""One decoded AWS call, the registry of operations answered here, and AWS-shaped errors."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException

if TYPE_CHECKING:
    from moto.core.model import OperationModel
    from werkzeug.datastructures import Headers

    from kennel.localcloud.cloud import Cloud
    from kennel.localcloud.iam.principals import Principal

Environ = dict[str, Any]


class AwsError(ServiceException):
    """An error answer in the called service's own protocol.

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
    """An HTTP answer, complete."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body or b"{}")
        return document


class Unchanged(Exception):  # noqa: N818 - control flow: carries an answer, does not report a fault
    """Hands an answer of moto's through to the caller as it is."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


Handler = Callable[["Call"], "dict[str, Any] | Response"]
OPERATIONS: dict[tuple[str, str], list[Handler]] = {}


def operation(service: str, *names: str) -> Callable[[Handler], Handler]:
    """Register the decorated function as the answer to operations of a service.

    An operation may have one handler of each room: the data plane's is asked first, and its
    ``call.forward()`` is answered by the control plane's, whose own is answered by moto.

    Parameters
    ----------
    service
        botocore's service name, e.g. ``sagemaker-runtime``.
    names
        botocore's operation names, e.g. ``InvokeEndpoint``.

    Raises
    ------
    ValueError
        Two handlers of one room claim the same operation.
    """

    def register(handler: Handler) -> Handler:
        for name in names:
            layers = OPERATIONS.setdefault((service, name), [])
            taken = next((other for other in layers if _room(other) == _room(handler)), None)
            if taken:
                where = f"{taken.__module__}.{taken.__name__}"
                raise ValueError(f"{service}:{name} is already answered by {where}")
            layers.append(handler)
            layers.sort(key=lambda layer: _room(layer) == "control")
        return handler

    return register


def _room(handler: Handler) -> str:
    parts = handler.__module__.split(".")
    return "control" if "control" in parts else "plane"


@dataclass
class Call:
    """A request, decoded, with the means to answer it.

    ``parameters`` has botocore's member names. A streamed upload (S3 PutObject, UploadPart) is not read
    until ``body`` is: its ``parameters`` lack ``Body``.
    """

    cloud: Cloud
    service: str
    operation: str
    model: OperationModel
    protocol: str
    parameters: dict[str, Any]
    region: str
    account: str
    principal: Principal
    headers: Headers
    environ: Environ
    moto: Callable[..., Iterable[bytes]]
    _body: bytes | None = field(default=None, repr=False)
    _layer: int = 0

    @property
    def body(self) -> bytes:
        if self._body is None:
            self._body = read_body(self.environ)
        return self._body

    def backend(self, service: str | None = None, region: str | None = None) -> Any:
        """moto's backend object for this account.

        Parameters
        ----------
        service
            Service name; the call's own when omitted.
        region
            Region name; ``"aws"`` for global services. By default the call's region, or the global backend
            of a service that has no regional ones.
        """
        from moto.backends import get_backend

        regions = get_backend(service or self.service)[self.account]  # type: ignore[call-overload]
        if region is None:
            region = self.region if self.region in regions.regions else "aws"
        return regions[region]

    def answer(self) -> Response:
        """The answer of the first handler from this layer down, or moto's."""
        from kennel.localcloud import wire

        layers = OPERATIONS.get((self.service, self.operation), [])
        if self._layer >= len(layers):
            return self._ask_moto(None)
        handler = layers[self._layer]
        result = handler(self)
        return result if isinstance(result, Response) else wire.encode(self, result)

    def forward(self, body: bytes | None = None) -> Response:
        """The answer of the layer below: the control plane's handler, then moto's own.

        Parameters
        ----------
        body
            Another body for moto to read instead of the request's.
        """
        from kennel.localcloud import wire

        if body is not None:
            return self._ask_moto(body)
        try:
            return replace(self, _layer=self._layer + 1).answer()
        except Unchanged as unchanged:
            return unchanged.response
        except ServiceException as error:
            return wire.encode(self, error)

    def _ask_moto(self, body: bytes | None) -> Response:
        environ = self.environ
        content = body if body is not None else self._body
        if content is not None:
            environ = {**environ, "wsgi.input": io.BytesIO(content), "CONTENT_LENGTH": str(len(content))}
            environ.pop("HTTP_TRANSFER_ENCODING", None)
        answered: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            answered.update(status=int(status.split(" ", 1)[0]), headers=headers)

        chunks = self.moto(environ, start_response)
        try:
            parts = list(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close:
                close()
        content = parts[0] if len(parts) == 1 else b"".join(parts)
        return Response(answered["status"], answered["headers"], content)

    def forward_json(self, body: bytes | None = None) -> dict[str, Any]:
        """moto's own JSON answer, decoded.

        Raises
        ------
        Unchanged
            moto answered with an error: it goes to the caller as it is.
        """
        response = self.forward(body)
        if not response.ok:
            raise Unchanged(response)
        return response.json()

    def json(self, document: dict[str, Any], status: int = 200) -> Response:
        """A JSON answer written as given, for members that the serializer would drop."""
        version = self.model.service_model.metadata.get("jsonVersion")
        kind = f"application/x-amz-json-{version}" if version else "application/json"
        return Response(status, [("Content-Type", kind)], json.dumps(document).encode())

    def arn(self, resource: str, service: str | None = None) -> str:
        """The ARN of a resource of this account and region."""
        return f"arn:aws:{service or self.service}:{self.region}:{self.account}:{resource}"


def read_body(environ: Environ) -> bytes:
    """Read a request's whole body, and leave the environment readable again.

    Raises
    ------
    AwsError
        The body ended before its announced length.
    """
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH")
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
        body = stream.read()
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING")
        environ.pop("wsgi.input_terminated", None)
    else:
        wanted = int(length) if length and length.isdigit() else 0
        body = stream.read(wanted) if wanted else b""
        if len(body) < wanted:
            raise AwsError("IncompleteBody", f"The body has {len(body)} of the {wanted} bytes announced.")
    environ["wsgi.input"] = io.BytesIO(body)
    return body
