"""The front: a WSGI application that authenticates, authorises, records, and answers or forwards."""

from __future__ import annotations

import datetime
import json
import logging
import re
from collections.abc import Callable, Iterable
from http.client import responses
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException

from kennel.localcloud import ACCOUNT_ID, REGION, wire
from kennel.localcloud.call import AwsError, Call, Response, Unchanged, type_environ
from kennel.localcloud.iam.authorise import Decision, authorise, denial
from kennel.localcloud.iam.principals import ANONYMOUS, Principal, identify
from kennel.localcloud.iam.signature import read_signature, verify
from kennel.localcloud.ledger import Entry

if TYPE_CHECKING:
    from kennel.localcloud.cloud import Cloud

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


class Front:
    """The local cloud's one door.

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

    def __call__(self, environ: type_environ, start_response: StartResponse) -> Iterable[bytes]:
        response = self._gate(environ)
        return _send(environ, start_response, response or self._answer(environ))

    def _gate(self, environ: type_environ) -> Response | None:
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

    def _admin(self, environ: type_environ, name: str) -> Response:
        if environ.get("REMOTE_ADDR", "127.0.0.1") not in ("127.0.0.1", "::1") or "HTTP_ORIGIN" in environ:
            return _text(403, "This path answers only programs on this machine.")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _text(405, "This path answers GET only.")
        if name == "status":
            return _json(self.cloud.status())
        if name == "ledger":
            try:
                content = self.cloud.ledger.path.read_bytes()
            except OSError as error:
                return _text(500, f"The ledger could not be read: {error}")
            return Response(200, [("Content-Type", "application/x-ndjson")], content)
        return _text(404, f"There is no /_kennel/{name}; there are /_kennel/status and /_kennel/ledger.")

    def _answer(self, environ: type_environ) -> Response:
        service = "s3"
        decoded: wire.Decoded | None = None
        decisions: list[Decision] = []
        principal: Principal = ANONYMOUS
        try:
            signature = read_signature(environ)
            service = (
                wire.service_of(signature.service, environ) if signature else wire.service_guess(environ)
            )
            if signature:
                principal, secret = identify(signature, service)
            elif service != "s3":
                raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
            decoded = wire.decode(service, environ)
            if signature:
                verify(signature, secret, environ, decoded.body)
            call = Call(
                cloud=self.cloud,
                service=service,
                operation=decoded.model.name,
                model=decoded.model,
                protocol=decoded.protocol,
                parameters=decoded.parameters,
                region=signature.region if signature else REGION,
                account=ACCOUNT_ID,
                principal=principal,
                headers=decoded.headers,
                environ=environ,
                moto=self.moto,
                _body=decoded.body,
            )
            decisions = authorise(call)
            if decisions and decisions[-1].verdict == "deny":
                raise denial(call, decisions[-1])
            if service != "s3":  # whose parser leaves a streamed body out, and moto checks the rest
                wire.check_required(decoded)
            response = call.answer()
        except Unchanged as unchanged:
            response = unchanged.response
        except ServiceException as error:
            response = self._error(service, environ, decoded, error)
        except Exception as error:  # noqa: BLE001 - the last door: no caller may see a traceback
            response = self._error(service, environ, decoded, _internal(service, decoded, error))
        self._record(principal, decisions, response.status)
        return response

    def _error(
        self, service: str, environ: type_environ, decoded: wire.Decoded | None, error: ServiceException
    ) -> Response:
        if decoded is None or service == "s3":
            return wire.encode_undecoded(service, environ, error)
        return wire.encode(decoded, error)

    def _record(self, principal: Principal, decisions: list[Decision], status: int) -> None:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        self.cloud.ledger.record(
            *(Entry(now, principal.arn, d.action, d.resource, d.verdict, d.reason, status) for d in decisions)
        )


def _reason(operation: str, error: Exception) -> str:
    log.exception("%s failed", operation, exc_info=error)
    return f"The local cloud failed to answer {operation}: {type(error).__name__}. Its log says more."


def _internal(service: str, decoded: wire.Decoded | None, error: Exception) -> AwsError:
    if decoded is None:
        return AwsError("InternalFailure", _reason(service, error), 500)
    name = f"{service}:{decoded.model.name}"
    if isinstance(error, NotImplementedError):
        # 501, not 500: SDKs and Terraform retry a 500 for minutes.
        return AwsError("NotImplemented", f"The local cloud does not implement {name}.", 501)
    invalid = wire.invalid_parameters(decoded)
    if invalid:
        return AwsError("ValidationException", invalid, 400)
    return AwsError("InternalFailure", _reason(name, error), 500)


def _send(environ: type_environ, start_response: StartResponse, response: Response) -> Iterable[bytes]:
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
