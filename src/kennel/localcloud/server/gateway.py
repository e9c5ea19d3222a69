"""The gateway: a WSGI application that authenticates, authorizes, logs and responds to each request."""

from __future__ import annotations

import errno
import logging
import re
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import responses
from wsgiref.types import StartResponse, WSGIApplication

from moto.core.exceptions import ServiceException

from kennel.localcloud import ACCOUNT_ID, REGION
from kennel.localcloud.authorization import web_identity
from kennel.localcloud.authorization.api_call import authorize
from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.authorization.identify import identify
from kennel.localcloud.dispatch.audit_log import CallAudit
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.registry import handler_of
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import services
from kennel.localcloud.moto_adapter.s3_events import S3Request
from kennel.localcloud.policy.principal import ANONYMOUS
from kennel.localcloud.protocol import canonical, codec, payload, signature_rules
from kennel.localcloud.protocol.messages import (
    AwsError,
    Environ,
    Response,
    StreamedResponse,
    Unchanged,
    text_response,
)
from kennel.localcloud.protocol.service_names import service_of
from kennel.localcloud.protocol.signature import RequestSignature, read_signature
from kennel.localcloud.protocol.sigv4 import verify
from kennel.localcloud.server import administration, form_upload, hosts, pages
from kennel.localcloud.services import (
    http_functions,
    s3_access_logs,
    s3_cors,
    s3_replicator,
    s3_website,
    sns_confirmation,
)
from kennel.localcloud.services.s3_access_logs import LoggedRequest

log = logging.getLogger(__name__)


class Gateway:
    """The WSGI application that receives every request to the local cloud.

    Parameters
    ----------
    cloud
        The running cloud.
    moto
        The WSGI application that responds to operations without a handler.
    """

    def __init__(self, cloud: Cloud, moto: WSGIApplication) -> None:
        self.cloud = cloud
        self.moto = moto

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        response = self._respond_to_others(environ) or self._respond_to_call(environ)
        return _send(environ, start_response, response)

    def _respond_to_call(self, environ: Environ) -> Response:
        if form_upload.is_form(environ):
            return form_upload.respond(self.cloud, environ, self._serve)
        return self._serve(environ)

    def _respond_to_others(self, environ: Environ) -> Response | None:
        """Respond to what is no AWS call: foreign hosts, administrative paths, moto's own, function URLs."""
        host = hosts.host_of(environ)
        path = environ.get("PATH_INFO", "/")
        if not hosts.OWN_HOST.fullmatch(host):
            return text_response(403, f"This local cloud does not answer for the host {host!r}.")
        if pages.is_of_another(environ) and not http_functions.lets_page_call(self.cloud, environ):
            hosts.name_bucket(environ)
            return pages.respond(environ, self._respond_to_call)
        website = hosts.website_of(environ)
        if website:
            return s3_website.respond(s3_website.WebsiteRequest(website, environ, self._serve))
        if path.startswith(administration.PREFIX):
            return administration.respond(self.cloud, environ)
        # moto's reset and its instance metadata would be served without a signature.
        if re.match(r"/(moto-api|latest/(meta-data|api))(/|$)", path):
            return text_response(404, f"There is nothing at {path}.")
        answer = http_functions.respond(self.cloud, environ) or sns_confirmation.respond(self.cloud, environ)
        if answer:
            return answer
        hosts.name_bucket(environ)
        return s3_cors.preflight(environ) if environ["REQUEST_METHOD"] == "OPTIONS" else None

    def _serve(self, environ: Environ) -> Response:
        """Respond to an AWS call, and write its checks to the audit log."""
        arriving, began = ArrivingCall(environ), time.monotonic()
        audit = CallAudit(self.cloud.audit_log)
        refusal = ""
        try:
            call, decoded, signature, secret = self._authenticate(arriving)
            authorize(call.request, Authorizer(audit))
            if call.service == "s3":
                content, changes = payload.verified(environ, call.body, call.operation, signature, secret)
                call.replace_body(content, changes)
            if call.service != "s3":  # whose parser leaves a streamed body out, and moto checks the rest
                codec.check_required(decoded)
            with self.cloud.changes.call():
                response = _respond(call, decoded)
            if response.ok:
                self.cloud.changes.note_call(call.service, call.operation)
        except Unchanged as unchanged:
            response = unchanged.response
        except ServiceException as error:
            response, refusal = arriving.error_response(error), f"{error.code}: {error.message}"
        except Exception as fault:  # noqa: BLE001 - the outermost frame: no caller may see a traceback
            failure = _internal_error(arriving, fault, self.cloud)
            response, refusal = arriving.error_response(failure), f"{failure.code}: {failure.message}"
        if not audit:  # refused before any permission was checked
            audit.record(arriving.caller, arriving.action, "*", "deny", f"refused: {refusal}")
        audit.write(response.status)
        if arriving.service == "s3" and arriving.decoded:
            parameters, seconds = arriving.decoded.parameters, time.monotonic() - began
            request = LoggedRequest(environ, arriving.caller, parameters, response, seconds)
            s3_access_logs.note(self.cloud, request)
        return response

    def _authenticate(
        self, arriving: ArrivingCall
    ) -> tuple[Call, codec.Decoded, RequestSignature | None, str]:
        """Find a request's principal and operation, and verify its signature.

        Raises
        ------
        AwsError
            The access key, the signature or the operation is not valid.
        """
        environ = arriving.environ
        signature = read_signature(environ)
        principal, secret = ANONYMOUS, ""
        if signature:
            arriving.caller = signature.access_key
            arriving.service = service_of(signature.service, environ)
            principal, secret = identify(signature, arriving.service, self.cloud.operator_secret)
        else:
            arriving.service = codec.service_guess(environ)
            if arriving.service not in ("s3", *codec.UNSIGNED_ACTIONS.values()):
                raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
        decoded = arriving.decoded = codec.decode(arriving.service, environ)
        pages.check(environ, arriving.service, decoded)
        if signature:
            signature_rules.check(signature, environ)
            verify(signature, secret, environ, decoded.body)
            if arriving.service == "s3":
                payload.check_declared(signature, environ)
        elif arriving.service == "s3":
            principal = environ.get(form_upload.PRINCIPAL, ANONYMOUS)
        else:
            if decoded.model.name not in codec.UNSIGNED_ACTIONS:
                raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
            principal = web_identity.identify(self.cloud, decoded.parameters)
        arriving.caller = principal.arn
        metadata = decoded.model.service_model.metadata
        request = ApiRequest(
            service=arriving.service,
            operation=decoded.model.name,
            principal=principal,
            parameters=decoded.parameters,
            region=signature.region if signature else REGION,
            account=ACCOUNT_ID,
            protocol=decoded.protocol,
            query_compatible="awsQueryCompatible" in metadata,
            source_ip=environ.get("REMOTE_ADDR", "127.0.0.1"),
            user_agent=environ.get("HTTP_USER_AGENT", ""),
            referer=environ.get("HTTP_REFERER", ""),
            presigned="Signature=" in environ.get("QUERY_STRING", ""),
        )
        for_moto = canonical.rebuilt(
            environ,
            decoded.model,
            decoded.protocol,
            decoded.labels,
            signature,
            f"127.0.0.1:{self.cloud.port}",
        )
        version = metadata.get("jsonVersion")
        call = Call(
            request, self.cloud.in_region(request.region), self.moto, for_moto, version, decoded.read_body
        )
        return call, decoded, signature, secret


@dataclass
class ArrivingCall:
    """What is known of a call so far.

    Attributes
    ----------
    caller
        The principal's ARN; an access key until the signature is verified.
    service
        botocore's name of the called service.
    decoded
        The operation and its parameters; None until the request is decoded.
    """

    environ: Environ
    caller: str = ANONYMOUS.arn
    service: str = "s3"
    decoded: codec.Decoded | None = None

    @property
    def action(self) -> str:
        """The service and operation, e.g. ``sqs:ListQueues``; the operation is ? until it is known."""
        return f"{self.service}:{self.decoded.model.name if self.decoded else '?'}"

    def error_response(self, error: ServiceException) -> Response:
        """Encode an error, in the operation's protocol if that is known."""
        if self.decoded is None or self.service == "s3":
            return codec.encode_undecoded(self.service, self.environ, error)
        return codec.encode(self.decoded, error)


def _respond(call: Call, decoded: codec.Decoded) -> Response:
    if call.service != "s3":
        return _answer(call, decoded)
    principal = call.principal
    request = S3Request(
        call.operation,
        "Anonymous" if principal is ANONYMOUS else f"AWS:{principal.unique_id}",
        call.request.source_ip,
        posted=form_upload.PRINCIPAL in call.environ,
    )
    with request.answering():
        response = _answer(call, decoded)
    if response.ok:
        s3_replicator.replicate(call, request.changes.values())
    body = response.body if response.ok else request.identified(response.body)
    return Response(response.status, request.name_in(response.headers), body)


def _answer(call: Call, decoded: codec.Decoded) -> Response:
    handler = handler_of(call.service, call.operation)
    result = handler(call) if handler else call.ask_moto()
    return result if isinstance(result, Response) else codec.encode(decoded, result)


def _internal_error(arriving: ArrivingCall, fault: Exception, cloud: Cloud) -> AwsError:
    """Return the error for a fault of the local cloud or of moto; the service's log has the traceback."""
    if isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT):
        free = shutil.disk_usage(cloud.directory).free
        where = fault.filename or cloud.directory
        log.error("%s failed: the disk of %s is full", arriving.action, where)
        message = f"The disk of {where} is full, {free / 1e6:.0f} MB are free: free some and try again."
        return AwsError("InsufficientStorage", message, 507)  # not 500, which SDKs and Terraform retry
    if isinstance(fault, RecursionError):
        return AwsError("ValidationException", f"The request to {arriving.action} is nested too deep.", 400)
    if (
        arriving.service == "s3"
        and arriving.environ["REQUEST_METHOD"] != "GET"
        and services.cannot_read(fault)
    ):
        message = "The XML you provided was not well-formed or did not validate against our published schema"
        return AwsError("MalformedXML", message, 400)
    if arriving.decoded:
        prefix = arriving.decoded.model.service_model.endpoint_prefix
        unknown_to_moto = isinstance(fault, AttributeError) and not services.has(prefix)
        if isinstance(fault, NotImplementedError) or unknown_to_moto:
            # 501, not 500: SDKs and Terraform retry a 500 for minutes.
            message = f"The local cloud does not implement {arriving.action}."
            return AwsError("NotImplemented", message, 501)
        invalid = codec.invalid_parameters(arriving.decoded)
        if invalid:
            return AwsError("ValidationException", invalid, 400)
    operation = arriving.action if arriving.decoded else arriving.service
    log.exception("%s failed", operation, exc_info=fault)
    message = f"The local cloud failed to answer {operation}: {type(fault).__name__}. Its log says more."
    return AwsError("InternalFailure", message, 500)


def _send(environ: Environ, start_response: StartResponse, response: Response) -> Iterable[bytes]:
    phrase = responses.get(response.status, "Unknown")
    headers = response.headers
    head = environ["REQUEST_METHOD"] == "HEAD"
    if isinstance(response, StreamedResponse):
        start_response(f"{response.status} {phrase}", [*headers, ("Transfer-Encoding", "chunked")])
        return response.parts
    if not head:
        headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        headers.append(("Content-Length", str(len(response.body))))
    start_response(f"{response.status} {phrase}", headers)
    return [] if head else [response.body]
