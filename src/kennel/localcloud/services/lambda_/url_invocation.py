"""Requests to function URLs: authenticated, authorized, and answered by the function.

https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
"""

from __future__ import annotations

import json
import logging
import re
import time
import uuid

from kennel.localcloud.authorization.api_call import check_permission
from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.authorization.context import ConditionKeys
from kennel.localcloud.authorization.identify import identify
from kennel.localcloud.authorization.permission import RequiredPermission
from kennel.localcloud.dispatch.audit_log import CallAudit
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.moto_adapter.functions import find_version, lambda_backend
from kennel.localcloud.policy.evaluate import ResourcePolicy
from kennel.localcloud.policy.principal import ANONYMOUS, Principal
from kennel.localcloud.protocol import signature_rules
from kennel.localcloud.protocol.messages import AwsError, Environ, Response, read_body
from kennel.localcloud.protocol.signature import read_signature
from kennel.localcloud.protocol.sigv4 import verify
from kennel.localcloud.runtime import cloudwatch_metrics as metrics
from kennel.localcloud.services.lambda_.cors import Cors, is_preflight
from kennel.localcloud.services.lambda_.execution import reserved_concurrency, run
from kennel.localcloud.services.lambda_.function_url import HOST, PATH, FunctionUrl, function_urls
from kennel.localcloud.services.lambda_.function_version import read_version
from kennel.localcloud.services.lambda_.invoke import LARGEST_SYNCHRONOUS
from kennel.localcloud.services.lambda_.url_payload import (
    InvalidPayloadError,
    UrlRequest,
    event_of,
    response_of,
)

log = logging.getLogger(__name__)
SERVICE = "lambda"
FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)


def url_id_of(environ: Environ) -> str | None:
    """Return the id of the function URL that a request is sent to; None if it is sent to none."""
    match = _host_match(environ) or PATH.match(environ.get("PATH_INFO", ""))
    return match["id"].lower() if match else None


def _host_match(environ: Environ) -> re.Match[str] | None:
    return HOST.fullmatch(re.sub(r":\d+$", "", environ.get("HTTP_HOST", "")))


def _path(environ: Environ) -> str:
    """Return a request's path below the root of the function URL, as it was sent."""
    path: str = (environ.get("RAW_URI") or environ["PATH_INFO"]).split("?", 1)[0]
    match = None if _host_match(environ) else PATH.match(path)
    return (match["rest"] if match else path) or "/"


def respond_to_url(cloud: Cloud, url_id: str, environ: Environ) -> Response:
    """Answer a request to a function URL, and write its checks to the audit log."""
    began = time.monotonic()
    url = _find(cloud, url_id)
    if url is None:
        return _error(404, "Not Found", "ResourceNotFoundException")
    if url.cors and is_preflight(environ):
        return url.cors.preflight(environ)
    cloud = cloud.in_region(url.region)
    audit = CallAudit(cloud.audit_log)
    invocation = _UrlInvocation(cloud, url, environ, audit)
    try:
        with cloud.changes.call():
            response = invocation.respond()
    except AwsError as error:
        status = error.status or 400
        response = _error(status, error.message, error.code, **_members(error))
        if not audit:  # refused before a permission was checked
            audit.record(invocation.caller, "lambda:InvokeFunctionUrl", "*", "deny", f"refused: {error.code}")
    except Exception:  # the outermost frame: no caller may see a traceback
        log.exception("the URL of function %s", url.name)
        response = _internal_error(500)
    audit.write(response.status)
    metrics.publish(
        cloud,
        "AWS/Lambda",
        {"FunctionName": url.name},
        UrlRequestCount=1,
        Url4xxCount=int(400 <= response.status < 500),
        Url5xxCount=int(response.status >= 500),
        UrlRequestLatency=(time.monotonic() - began) * 1000,
    )
    return url.cors.complete(response, environ) if url.cors else response


def _find(cloud: Cloud, url_id: str) -> FunctionUrl | None:
    urls = [url for there in cloud.regions() for url in list(function_urls(there).values())]
    return next((url for url in urls if url.id == url_id), None)


def cors_of_url(cloud: Cloud, url_id: str) -> Cors | None:
    """Return what pages of other origins may do with a function URL."""
    url = _find(cloud, url_id)
    return url.cors if url else None


class _UrlInvocation:
    """One request to a function URL.

    Attributes
    ----------
    caller
        Who sent it: the principal's ARN; an access key until the signature is verified.
    """

    def __init__(self, cloud: Cloud, url: FunctionUrl, environ: Environ, audit: CallAudit) -> None:
        self._cloud, self._url, self._environ, self._audit = cloud, url, environ, audit
        self.caller = ANONYMOUS.arn

    def respond(self) -> Response:
        """Return the function's response.

        Raises
        ------
        AwsError
            The caller is not allowed, the request is too large, or the function is throttled.
        """
        cloud, url, environ = self._cloud, self._url, self._environ
        length = environ.get("CONTENT_LENGTH") or "0"
        if length.isdigit() and int(length) > LARGEST_SYNCHRONOUS:
            raise _too_large()
        body = read_body(environ)
        principal, access_key = self._authenticate(body)
        self._authorize(principal)
        request = UrlRequest(
            url_id=url.id,
            host=url.host,
            path=_path(environ),
            request_id=str(uuid.uuid4()),
            caller=principal if url.auth_type == "AWS_IAM" else None,
            access_key=access_key,
        )
        payload = json.dumps(event_of(request, environ, body)).encode()
        if len(payload) > LARGEST_SYNCHRONOUS:
            raise _too_large()
        backend = lambda_backend(cloud.account, url.region)
        record = find_version(backend, url.name, url.qualifier)
        if record is None:
            raise AwsError("ResourceNotFoundException", "Not Found", 404)
        reserved = reserved_concurrency(backend.get_function(url.name))
        version, request_id = read_version(record), request.request_id
        result = run(cloud, version, reserved, payload, request_id=request_id, qualifier=url.qualifier)
        if result.error:
            return _internal_error(502)
        try:
            response = response_of(result.body)
        except InvalidPayloadError as error:
            log.warning("function %s returned an invalid response for its URL: %s", url.name, error)
            return _internal_error(502)
        response.headers.append(("x-amzn-RequestId", request.request_id))
        return response

    def _authenticate(self, body: bytes) -> tuple[Principal, str]:
        """Return who signed the request, and with which key; anybody where no signature is asked for."""
        if self._url.auth_type == "NONE":
            return ANONYMOUS, ""
        signature = read_signature(self._environ)
        self.caller = signature.access_key if signature else self.caller
        principal, access_key = authenticate(self._cloud, self._environ, body, SERVICE, self._url.region)
        self.caller = principal.arn
        return principal, access_key

    def _authorize(self, principal: Principal) -> None:
        """Check both permissions that a function URL requires since October 2025."""
        url, environ = self._url, self._environ
        request = ApiRequest(
            service=SERVICE,
            operation="InvokeFunctionUrl",
            principal=principal,
            region=url.region,
            protocol="rest-json",
            source_ip=environ.get("REMOTE_ADDR", "127.0.0.1"),
            user_agent=environ.get("HTTP_USER_AGENT", ""),
            referer=environ.get("HTTP_REFERER", ""),
        )
        arn = request.arn(f"function:{url.name}" + (f":{url.qualifier}" if url.qualifier else ""))
        policy = policy_store.attached_policy(SERVICE, url.region, [arn])
        required: dict[str, ConditionKeys] = {
            "lambda:InvokeFunctionUrl": {"lambda:functionurlauthtype": url.auth_type},
            "lambda:InvokeFunction": {"lambda:invokedviafunctionurl": "true"},
        }
        for action, keys in required.items():
            permission = RequiredPermission(
                action, arn, keys, ResourcePolicy(policy) if policy and not principal.unrestricted else None
            )
            if not check_permission(request, permission, Authorizer(self._audit)).allowed:
                raise AwsError("AccessDeniedException", FORBIDDEN, 403)


def authenticate(
    cloud: Cloud, environ: Environ, body: bytes, service: str, region: str
) -> tuple[Principal, str]:
    """Return who signed a request for a service and region, and with which key.

    Raises
    ------
    AwsError
        It is not signed, or its signature is not valid.
    """
    signature = read_signature(environ)
    if signature is None:
        raise AwsError("AccessDeniedException", FORBIDDEN, 403)
    for scope, expected, noun in (
        (signature.service, service, "correct service"),
        (signature.region, region, "valid region"),
    ):
        if scope != expected:
            message = f"Credential should be scoped to a {noun}: '{expected}'."
            raise AwsError("InvalidSignatureException", message, 403)
    principal, secret = identify(signature, service, cloud.operator_secret)
    signature_rules.check(signature, environ)
    verify(signature, secret, environ, body)
    return principal, signature.access_key


def _too_large() -> AwsError:
    message = f"Request must be smaller than {LARGEST_SYNCHRONOUS} bytes for the InvokeFunction operation"
    return AwsError("RequestEntityTooLargeException", message, 413)


def _members(error: AwsError) -> dict[str, str]:
    return {name: getattr(error, name) for name in ("Reason", "Type") if hasattr(error, name)}


def _error(status: int, message: str, code: str, **members: str) -> Response:
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", code)]
    return Response(status, headers, json.dumps({"Message": message, **members}).encode())


def _internal_error(status: int) -> Response:
    return Response(status, [("Content-Type", "application/json")], b"Internal Server Error")
