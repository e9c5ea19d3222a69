"""The gateway: a WSGI application that authenticates, authorizes, records and answers each request."""

from __future__ import annotations

import datetime
import json
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.client import responses
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from moto.core.exceptions import ServiceException

from kennel.localcloud import ACCOUNT_ID, REGION
from kennel.localcloud.authorization.authorizer import Decision, authorise, denial
from kennel.localcloud.authorization.identify import identify
from kennel.localcloud.dispatch.audit_log import Entry
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import admin_action_of, handler_of
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.policy.principal import ANONYMOUS
from kennel.localcloud.protocol import codec
from kennel.localcloud.protocol.messages import AwsError, Environ, Response, Unchanged
from kennel.localcloud.protocol.sigv4 import read_signature, verify

if TYPE_CHECKING:
    from kennel.localcloud.dispatch.cloud import Cloud

log = logging.getLogger(__name__)
StartResponse = Callable[..., Any]

# A page in a browser can make any name resolve to 127.0.0.1; only these names are ours (DNS rebinding).
OWN_HOST = re.compile(
    r"(?:[a-z0-9][a-z0-9.-]*\.)?(?:localhost|amazonaws\.com(?:\.cn)?|api\.aws)|127\.0\.0\.1|\[::1\]",
    re.IGNORECASE,
)
VIRTUAL_BUCKET = re.compile(
    r"(?P<bucket>[a-z0-9][a-z0-9.-]+)\.(?:localhost|s3(?:[.-][a-z0-9.-]+)?\.amazonaws\.com)$", re.IGNORECASE
)


class Gateway:
    """The local cloud's one entrance.

    Parameters
    ----------
    cloud
        The running cloud.
    moto
        The WSGI application that answers what is not answered here.
    """

    def __init__(self, cloud: Cloud, moto: Callable[..., Iterable[bytes]]) -> None:
        self.cloud = cloud
        self.moto = moto

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        response = self._gate(environ)
        return _send(environ, start_response, response or self._serve(environ))

    def _gate(self, environ: Environ) -> Response | None:
        """Answer what is not an AWS call: foreign hosts, the admin paths, moto's own doors."""
        host = re.sub(r":\d+$", "", environ.get("HTTP_HOST", ""))
        path = environ.get("PATH_INFO", "/")
        if not OWN_HOST.fullmatch(host):
            return _text(403, f"The host {host!r} is not one that this local cloud answers for.")
        if path.startswith("/_kennel/"):
            return self._admin(environ, path.removeprefix("/_kennel/"))
        # moto's reset and its instance metadata would be a way past the signatures.
        if re.match(r"/(moto-api|latest/(meta-data|api))(/|$)", path):
            return _text(404, f"There is nothing at {path}.")
        bucket = VIRTUAL_BUCKET.match(host)
        if bucket and "HTTP_X_AMZ_TARGET" not in environ:
            environ["kennel.bucket"] = bucket["bucket"]
        return None

    def _admin(self, environ: Environ, name: str) -> Response:
        if environ.get("REMOTE_ADDR", "127.0.0.1") not in ("127.0.0.1", "::1") or "HTTP_ORIGIN" in environ:
            return _text(403, "This path answers only programs on this machine.")
        action = admin_action_of(name)
        if action and environ["REQUEST_METHOD"] == "POST":
            return action(self.cloud, dict(parse_qsl(environ.get("QUERY_STRING", ""))))
        if action or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _text(405, f"This path answers {'POST' if action else 'GET'} only.")
        if name == "status":
            return _json(self.cloud.status())
        if name == "audit-log":
            try:
                content = self.cloud.audit_log.path.read_bytes()
            except OSError as error:
                return _text(500, f"The audit log could not be read: {error}")
            return Response(200, [("Content-Type", "application/x-ndjson")], content)
        return _text(404, f"There is no /_kennel/{name}; there are /_kennel/status and /_kennel/audit-log.")

    def _serve(self, environ: Environ) -> Response:
        visit = Visit(environ)
        try:
            call, decoded = self._admit(visit)
            visit.decisions = authorise(call.request)
            if visit.decisions[-1].verdict == "deny":
                raise denial(call.request, visit.decisions[-1])
            if call.service != "s3":  # whose parser leaves a streamed body out, and moto checks the rest
                codec.check_required(decoded)
            response = _answer(call, decoded)
        except Unchanged as unchanged:
            response = unchanged.response
        except ServiceException as error:
            response = visit.refuse(error)
        except Exception as error:  # noqa: BLE001 - the last door: no caller may see a traceback
            response = visit.refuse(_internal(visit, error))
        self._record(visit, response)
        return response

    def _admit(self, visit: Visit) -> tuple[Call, codec.Decoded]:
        """Find out who signed a request, what it asks for, and that the signature is theirs."""
        environ = visit.environ
        signature = read_signature(environ)
        principal, secret = ANONYMOUS, ""
        if signature:
            visit.who = signature.access_key
            visit.service = codec.service_of(signature.service, environ)
            principal, secret = identify(signature, visit.service)
        else:
            visit.service = codec.service_guess(environ)
            if visit.service != "s3":
                raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
        decoded = visit.decoded = codec.decode(visit.service, environ)
        if signature:
            verify(signature, secret, environ, decoded.body)
        visit.who = principal.arn
        metadata = decoded.model.service_model.metadata
        request = ApiRequest(
            service=visit.service,
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
        call = Call(request, self.cloud, self.moto, environ, metadata.get("jsonVersion"), decoded.body)
        return call, decoded

    def _record(self, visit: Visit, response: Response) -> None:
        decisions = visit.decisions
        if not decisions:  # refused before it came to that
            name = visit.decoded.model.name if visit.decoded else "?"
            decisions = [Decision(f"{visit.service}:{name}", "*", "deny", f"refused: {visit.refusal}")]
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        self.cloud.audit_log.record(
            *(
                Entry(now, visit.who, d.action, d.resource, d.verdict, d.reason, response.status)
                for d in decisions
            )
        )


@dataclass
class Visit:
    """What is known of a request so far: ``who`` is an access key until its signature is verified."""

    environ: Environ
    who: str = ANONYMOUS.arn
    service: str = "s3"
    decoded: codec.Decoded | None = None
    decisions: list[Decision] = field(default_factory=list)
    refusal: str = ""

    def refuse(self, error: ServiceException) -> Response:
        """An error answer, in the operation's protocol if that is known."""
        self.refusal = f"{error.code}: {error.message}"
        if self.decoded is None or self.service == "s3":
            return codec.encode_undecoded(self.service, self.environ, error)
        return codec.encode(self.decoded, error)


def _answer(call: Call, decoded: codec.Decoded) -> Response:
    handler = handler_of(call.service, call.operation)
    result = handler(call) if handler else call.ask_moto()
    return result if isinstance(result, Response) else codec.encode(decoded, result)


def _reason(operation: str, error: Exception) -> str:
    log.exception("%s failed", operation, exc_info=error)
    return f"The local cloud failed to answer {operation}: {type(error).__name__}. Its log says more."


def _internal(visit: Visit, error: Exception) -> AwsError:
    if visit.decoded is None:
        return AwsError("InternalFailure", _reason(visit.service, error), 500)
    name = f"{visit.service}:{visit.decoded.model.name}"
    if isinstance(error, NotImplementedError):
        # 501, not 500: SDKs and Terraform retry a 500 for minutes.
        return AwsError("NotImplemented", f"The local cloud does not implement {name}.", 501)
    invalid = codec.invalid_parameters(visit.decoded)
    if invalid:
        return AwsError("ValidationException", invalid, 400)
    return AwsError("InternalFailure", _reason(name, error), 500)


def _send(environ: Environ, start_response: StartResponse, response: Response) -> Iterable[bytes]:
    phrase = responses.get(response.status, "Unknown")
    headers = response.headers
    head = environ["REQUEST_METHOD"] == "HEAD"
    if not head:
        headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        headers.append(("Content-Length", str(len(response.body))))
    start_response(f"{response.status} {phrase}", headers)
    return [] if head else [response.body]


def _text(status: int, message: str) -> Response:
    return Response(status, [("Content-Type", "text/plain; charset=utf-8")], (message + "\n").encode())


def _json(document: Any) -> Response:
    return Response(200, [("Content-Type", "application/json")], json.dumps(document).encode())
