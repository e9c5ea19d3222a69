"""The codec: a request's service, operation and parameters, and responses in the service's protocol."""

from __future__ import annotations

import io
import json
import uuid
import warnings
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode
from xml.sax.saxutils import escape

from botocore.exceptions import DataNotFoundError
from botocore.validate import ParamValidator
from moto.core.exceptions import ServiceException
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import EnvironHeaders, Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

from kennel.localcloud.protocol import canonical, strict_json
from kennel.localcloud.protocol.messages import AwsError, Environ, Response, read_body
from kennel.localcloud.protocol.service_names import TARGET

STREAMED_UPLOADS = {"PutObject", "UploadPart"}
# Operations that carry no signature, by the Action of their form.
UNSIGNED_ACTIONS = {"AssumeRoleWithWebIdentity": "sts"}


@dataclass
class Decoded:
    """A request's operation model, protocol, parameters and headers.

    Attributes
    ----------
    body
        As it was sent; None for a streamed upload.
    labels
        What the request's path names.
    form
        In the query protocol, the fields that were read, whether they came in the URL or in the body.
    """

    model: Any
    protocol: str
    parameters: dict[str, Any]
    headers: Any
    body: bytes | None
    labels: dict[str, Any] = field(default_factory=dict)
    form: bytes | None = None

    @property
    def read_body(self) -> bytes | None:
        """The body of what was read: of the query protocol, the fields that the operation knows."""
        return self.body if self.form is None else self.form


def service_guess(environ: Environ) -> str:
    """Return the service of an unsigned request: S3, unless it names an operation of another protocol."""
    form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    if "HTTP_X_AMZ_TARGET" in environ:
        return "unsigned"
    if form and environ["REQUEST_METHOD"] == "POST":
        action = parse_qs(read_body(environ).decode("utf-8", "replace")).get("Action", [""])[0]
        return UNSIGNED_ACTIONS.get(action, "unsigned")
    return "s3"


def decode(service: str, environ: Environ) -> Decoded:
    """Find a request's operation and parse its parameters with moto's own codec.

    Raises
    ------
    AwsError
        The service or operation does not exist, or the request cannot be parsed.
    """
    try:
        model = get_service_model(service)
    except (DataNotFoundError, OSError) as error:
        raise AwsError("UnrecognizedClientException", f"There is no service named {service!r}.") from error
    streamed = service == "s3" and environ["REQUEST_METHOD"] == "PUT"
    body = None if streamed else read_body(environ)
    # The host names no bucket to moto's router: a virtual-hosted request's is in the path by now.
    plain = {**environ, "HTTP_HOST": "localhost", "wsgi.input": io.BytesIO(body or b"")}
    if service == "s3":
        plain |= _path_style(environ)
    plain |= _whole_target(model, environ)
    headers = EnvironHeaders(plain)
    # Where it says nothing of the protocol, the content type is of the caller's payload; moto would take a
    # form for the query protocol.
    request = Request({**plain, "CONTENT_TYPE": ""} if _rest_only(model) else plain)
    values = None
    try:
        protocol = determine_request_protocol(model, request.content_type)
        if protocol in canonical.QUERY_PROTOCOLS:
            values = canonical.ReadForm(canonical.form_of(environ, body or b""))
            request = _with_form(request, values)
        operation, uri_parameters = get_service_router(service).match(request)
    except (HTTPException, NotImplementedError, ValueError) as error:
        raise _no_such_operation(service, request) from error
    if protocol.startswith("rest-"):
        canonical.check_query(operation, environ)
    if streamed and operation.name not in STREAMED_UPLOADS:
        body = read_body(environ)
    try:
        parameters = strict_json.PARSERS.get(protocol, PROTOCOL_PARSERS[protocol])(
            operation, map_type=dict
        ).parse(
            {
                "method": request.method,
                "values": request.args if values is None else values,
                "headers": canonical.Headers(headers),
                "body": body or b"",
                "url_path": request.path,
                "url_params": uri_parameters,
            }
        )
    except Exception as error:
        if service == "s3" and not body:  # what cannot be read is in the query or in a header
            raise AwsError("InvalidArgument", "A parameter of the request has no valid value.") from error
        code = {"s3": "MalformedXML", "query": "MalformedInput", "ec2": "MalformedInput"}
        name = code.get(service) or code.get(protocol, "SerializationException")
        raise AwsError(name, f"The request to {service}:{operation.name} could not be parsed.") from error
    decoded = Decoded(operation, protocol, parameters, headers, body, uri_parameters)
    if values is not None:
        values.get("Version")
        decoded.form = urlencode({"Action": operation.name, **values.read}).encode()
    return decoded


def _with_form(request: Request, fields: dict[str, str]) -> Request:
    """Return a request of the query protocol whose fields are all in its form."""
    body = urlencode(fields).encode()
    more = {
        "REQUEST_METHOD": "POST",
        "QUERY_STRING": "",
        "CONTENT_TYPE": canonical.FORM,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    return Request({**request.environ, **more})


def _rest_only(model: Any) -> bool:
    """Whether a service has an operation for each path and method, and no other protocol."""
    protocols = model.metadata.get("protocols", [str(model.protocol)])
    return all(protocol.startswith("rest-") for protocol in protocols)


def _path_style(environ: Environ) -> Environ:
    """Return a virtual-hosted S3 request's path with the bucket in it; nothing for other requests."""
    bucket = environ.get("kennel.bucket")
    if not bucket:
        return {}
    raw = environ.get("RAW_URI") or environ.get("PATH_INFO", "/")
    return {"PATH_INFO": f"/{bucket}{environ.get('PATH_INFO', '/')}", "RAW_URI": f"/{bucket}{raw}"}


def _whole_target(model: Any, environ: Environ) -> Environ:
    """Return a request's target with all of its service's prefix, of which other SDKs send the last part."""
    whole = model.metadata.get("targetPrefix", "")
    prefix, _, name = environ.get(TARGET, "").rpartition(".")
    return {TARGET: f"{whole}.{name}"} if prefix and whole.endswith(f".{prefix}") else {}


def _no_such_operation(service: str, request: Request) -> AwsError:
    if service == "s3":
        return AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)
    action = request.values.get("Action") or request.headers.get("X-Amz-Target")
    if request.values.get("Action"):
        return AwsError("InvalidAction", f"The action {action} is not valid for this web service.")
    return AwsError(
        "UnknownOperationException", f"{service} has no operation {action or request.path!r}.", 404
    )


def check_required(decoded: Decoded) -> None:
    """Refuse a request that lacks a required parameter; moto would create resources without names.

    Raises
    ------
    AwsError
        With the code and message of the service's protocol.
    """
    missing = [
        ".".join(part for part in (place.lstrip("."), values["required_name"]) if part)
        for reason, place, values in _validation_errors(decoded)
        if reason == "missing required field"
    ]
    if not missing:
        return
    if decoded.protocol == "ec2":
        raise AwsError("MissingParameter", f"The request must contain the parameter {missing[0]}")
    detected = "; ".join(
        f"Value null at '{name}' failed to satisfy constraint: Member must not be null" for name in missing
    )
    code = "ValidationError" if decoded.protocol == "query" else "ValidationException"
    noun = "error" if len(missing) == 1 else "errors"
    raise AwsError(code, f"{len(missing)} validation {noun} detected: {detected}")


def invalid_parameters(decoded: Decoded) -> str:
    """Return how a request's parameters violate its service's model; empty if they do not."""
    errors = [f"{reason} at {place or 'the request'}" for reason, place, _ in _validation_errors(decoded)]
    return f"{len(errors)} validation errors detected: {'; '.join(errors)}" if errors else ""


def _validation_errors(decoded: Decoded) -> list[tuple[str, str, dict[str, Any]]]:
    shape = decoded.model.input_shape
    if shape is None:
        return []
    report = ParamValidator().validate(decoded.parameters, shape)
    errors: list[tuple[str, str, dict[str, Any]]] = report._errors
    return errors


def encode(decoded: Decoded, result: Any) -> Response:
    """Return a result or an error as a response, serialised by moto."""
    request_id = str(uuid.uuid4())
    service = decoded.model.service_model.service_name
    serializer = get_serializer_class(service, decoded.protocol)(
        decoded.model, context=SerializationContext(request_id)
    )
    with warnings.catch_warnings():
        # moto warns of every error code that botocore's model leaves out, as it does AccessDenied.
        warnings.simplefilter("ignore", UserWarning)
        serialised = serializer.serialize(result)
    status = getattr(result, "status", None) if isinstance(result, ServiceException) else None
    body = serialised["body"]
    headers = [
        (name, str(value))
        for name, value in serialised["headers"].items()
        if name.lower() != "content-length"
    ]
    headers.append(("x-amzn-RequestId", request_id))
    content = body if isinstance(body, bytes) else bytes(body or "", "utf-8")
    return Response(int(status or serialised["status_code"]), headers, content)


def encode_undecoded(service: str, environ: Environ, error: ServiceException) -> Response:
    """Return an error for a request of an unknown operation, in the protocol that it seems to use."""
    status = getattr(error, "status", None) or _modelled_status(service, error.code)
    request_id = str(uuid.uuid4())
    headers = [("x-amzn-RequestId", request_id)]
    code, message = error.code, error.message
    content_type = environ.get("CONTENT_TYPE", "")
    if service == "s3":
        headers = [("x-amz-request-id", request_id)]
        text = (
            f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
            f"<RequestId>{request_id}</RequestId></Error>"
        )
    elif "HTTP_X_AMZ_TARGET" in environ or "x-www-form-urlencoded" not in content_type:
        headers += [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", code)]
        return Response(status, headers, json.dumps({"__type": code, "message": message}).encode())
    else:
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(code)}</Code>"
            f"<Message>{escape(message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        if service == "ec2":
            text = (
                f"<Response><Errors><Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
                f"</Error></Errors><RequestID>{request_id}</RequestID></Response>"
            )
    headers.append(("Content-Type", "text/xml" if service != "s3" else "application/xml"))
    declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return Response(status, headers, (declaration + text).encode())


def _modelled_status(service: str, code: str) -> int:
    """Return the HTTP status that a service's model gives an error, 400 where it gives none."""
    shapes = get_service_model(service).error_shapes if service == "s3" else []
    errors = (shape.metadata.get("error") or {} for shape in shapes if shape.error_code == code)
    return int(next(errors, {}).get("httpStatusCode", 400))
