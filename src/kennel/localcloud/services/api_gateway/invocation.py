"""Requests to APIs: the route is looked for, the caller checked, and the function's answer returned."""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import replace
from typing import Any

from kennel.localcloud.authorization.api_call import check_permission
from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.authorization.permission import RequiredPermission
from kennel.localcloud.dispatch import request as dispatch_request
from kennel.localcloud.dispatch.audit_log import ImmediateAudit
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.protocol.messages import AwsError, Environ, Response, read_body
from kennel.localcloud.services.api_gateway.addresses import Addressed
from kennel.localcloud.services.api_gateway.integration import (
    IntegrationError,
    IntegrationTimeoutError,
    TooLargeError,
)
from kennel.localcloud.services.api_gateway.lookup import served_api
from kennel.localcloud.services.api_gateway.payload import ApiRequest
from kennel.localcloud.services.api_gateway.served import ServedApi, ServedRoute
from kennel.localcloud.services.lambda_.cors import Cors, is_preflight
from kennel.localcloud.services.lambda_.url_invocation import authenticate
from kennel.localcloud.services.lambda_.url_payload import InvalidPayloadError

log = logging.getLogger(__name__)
SERVICE = "execute-api"
LARGEST_BODY = 10_485_760  # https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html


def cors_of_api(cloud: Cloud, addressed: Addressed) -> Cors | None:
    """Return what pages of other origins may do with an API."""
    apis = [served_api(view, addressed.api_id) for view in cloud.regions()]
    return next((api.cors() for api in apis if api), None)


def respond_to_api(cloud: Cloud, addressed: Addressed, environ: Environ) -> Response:
    """Answer a request to an API."""
    for view in cloud.regions():
        api = served_api(view, addressed.api_id)
        if api:
            try:
                with view.changes.call():
                    return _respond(view, api, addressed, environ)
            except Exception:  # the outermost frame: no caller may see a traceback
                log.exception("the API %s", api.api_id)
                return _message(500, "Internal Server Error")
    return _message(403, "Forbidden")


def _respond(cloud: Cloud, api: ServedApi, addressed: Addressed, environ: Environ) -> Response:
    length = environ.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > LARGEST_BODY:
        return _too_large(api, api.stage_of(addressed.path)[0] or "")
    if api.disabled:
        return api.no_route(None)
    body, method = read_body(environ), environ["REQUEST_METHOD"]
    stage, path = api.stage_of(addressed.path)
    cors = api.cors()
    if cors and is_preflight(environ):
        return cors.preflight(environ)
    matched = api.match(stage, method, path) if stage is not None else None
    if stage is None or matched is None:
        return api.no_route(stage)
    route, values = matched
    request = ApiRequest(
        api_id=api.api_id,
        stage=stage,
        host=addressed.host,
        path=path,
        resource=route.resource,
        resource_id=route.resource_id,
        request_id=str(uuid.uuid4()),
        path_parameters=values,
        stage_variables=api.variables(stage),
    )
    if route.signed:
        try:
            principal, access_key = _check_caller(cloud, request, environ, body)
        except AwsError as error:
            if api.rest and not _is_signed(environ):
                return api.no_route(stage)
            message = error.message if api.rest else "Forbidden"
            return api.failure(stage, _denial(error), 403, message, request.request_id)
        request = replace(request, caller=principal, access_key=access_key)
    response = _integrate(cloud, api, route, request, environ, body)
    return cors.complete(response, environ) if cors else response


def _check_caller(cloud: Cloud, request: ApiRequest, environ: Environ, body: bytes) -> tuple[Principal, str]:
    """Return who signed a request, who must be allowed to invoke the route."""
    principal, access_key = authenticate(cloud, environ, body, SERVICE, cloud.region)
    call = dispatch_request.ApiRequest(
        service=SERVICE,
        operation="Invoke",
        principal=principal,
        region=cloud.region,
        protocol="rest-json",
        source_ip=environ.get("REMOTE_ADDR", "127.0.0.1"),
        user_agent=environ.get("HTTP_USER_AGENT", ""),
        referer=environ.get("HTTP_REFERER", ""),
    )
    arn = call.arn(f"{request.api_id}/{request.stage}/{environ['REQUEST_METHOD']}{request.path}")
    authorizer = Authorizer(ImmediateAudit(cloud.audit_log))
    permission = RequiredPermission("execute-api:Invoke", arn)
    if not check_permission(call, permission, authorizer).allowed:
        message = f"User: {principal.arn} is not authorized to perform: execute-api:Invoke on resource: {arn}"
        raise AwsError("AccessDeniedException", message, 403)
    return principal, access_key


def _integrate(
    cloud: Cloud, api: ServedApi, route: ServedRoute, request: ApiRequest, environ: Environ, body: bytes
) -> Response:
    if route.integration is None:
        configuration = "API_CONFIGURATION_ERROR"
        return route.constant or api.failure(request.stage, configuration, 500, "Internal server error")
    arn = f"arn:aws:execute-api:{cloud.region}:{cloud.account}:{api.api_id}/{request.stage}"
    source_arn = f"{arn}/{route.source(environ['REQUEST_METHOD'])}"
    event: dict[str, Any] = api.event(route, request, environ, body)
    try:
        payload = route.integration.invoke(cloud, source_arn, request.stage_variables, event)
        response = api.response(route, payload)
    except TooLargeError:
        return _too_large(api, request.stage)
    except IntegrationTimeoutError as error:
        log.warning("the API %s: %s", api.api_id, error)
        late = (504, "Endpoint request timed out") if api.rest else (503, "Service Unavailable")
        return api.failure(request.stage, "INTEGRATION_TIMEOUT", *late, request.request_id)
    except IntegrationError as error:
        log.warning("the API %s could not be served by its function: %s", api.api_id, error)
        failed = "the function failed" in str(error)
        return _failure(api, request, malformed=failed)
    except (InvalidPayloadError, ValueError) as error:
        log.warning("the API %s got an invalid response of its function: %s", api.api_id, error)
        return _failure(api, request, malformed=True)
    response.headers.append(("x-amzn-RequestId" if api.rest else "apigw-requestid", request.request_id))
    return response


def _is_signed(environ: Environ) -> bool:
    return "HTTP_AUTHORIZATION" in environ or "X-Amz-Algorithm" in environ.get("QUERY_STRING", "")


def _denial(error: AwsError) -> str:
    """Return the type of the gateway response for a caller that is turned away."""
    if "Expired" in str(error.code):
        return "EXPIRED_TOKEN"
    return "INVALID_SIGNATURE" if "Signature" in str(error.code) else "ACCESS_DENIED"


def _too_large(api: ServedApi, stage: str) -> Response:
    message = "Request Too Long" if api.rest else "Request Entity Too Large"
    return api.failure(stage, "REQUEST_TOO_LARGE", 413, message)


def _failure(api: ServedApi, request: ApiRequest, *, malformed: bool) -> Response:
    """Return the response where a function cannot be invoked, or does not answer as it should."""
    if not api.rest:
        return _message(500, "Internal Server Error")
    kind, status = ("DEFAULT_5XX", 502) if malformed else ("API_CONFIGURATION_ERROR", 500)
    return api.failure(request.stage, kind, status, "Internal server error", request.request_id)


def _message(status: int, message: str) -> Response:
    return Response(status, [("Content-Type", "application/json")], json.dumps({"message": message}).encode())
