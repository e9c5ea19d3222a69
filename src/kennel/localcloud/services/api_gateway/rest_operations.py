"""REST APIs' operations: what would not be served is refused; moto keeps the records."""

from __future__ import annotations

import json
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.coverage import describe, refusal
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import Response
from kennel.localcloud.services.api_gateway.gateway_responses import GatewayResponses
from kennel.localcloud.services.api_gateway.integration import FUNCTION, REST_SECONDS, check_timeout
from kennel.localcloud.services.api_gateway.rest import Deployments, deploy, is_constant

SERVICE, CODE = "apigateway", "BadRequestException"
DISABLE = "/disableExecuteApiEndpoint"
describe(
    SERVICE,
    "REST APIs: requests to a stage reach functions as its deployment was, with the function's policy or the "
    "integration's role checked; `AWS_IAM`, stage variables, binary media types, time limits, mocks with "
    "constant responses, gateway responses",
)
INTEGRATIONS = refusal(
    SERVICE,
    "integrations other than `AWS_PROXY` with a function, and `MOCK`",
    "let a function call what is behind",
    CODE,
)
TEMPLATES = refusal(
    SERVICE, "templates in the language of mappings", "write a constant, or let a function answer", CODE
)
METHODS = refusal(
    SERVICE,
    "API keys, request validators and authorizers of methods",
    "use NONE or AWS_IAM, and check the rest in the function",
    CODE,
)
APIS = refusal(
    SERVICE,
    "policies and private endpoints of REST APIs, and imports",
    "leave them out: make resources",
    CODE,
)


@operation(SERVICE, "CreateRestApi")
def create_rest_api(call: Call) -> Response:
    """Make a REST API; moto drops its binary media types."""
    if call.parameters.get("policy"):
        raise APIS.error("policies of REST APIs")
    if "PRIVATE" in (call.parameters.get("endpointConfiguration") or {}).get("types", ()):
        raise APIS.error("private endpoints of REST APIs")
    document = call.ask_moto_json()
    binary = call.parameters.get("binaryMediaTypes") or []
    call.backend().apis[document["id"]].binaryMediaTypes = binary
    return call.json({**document, "binaryMediaTypes": binary}, 201)


@operation(SERVICE, "UpdateRestApi")
def update_rest_api(call: Call) -> Response:
    """Change a REST API; moto takes "false" for true."""
    changes = {each.get("path", ""): each.get("value") for each in call.parameters.get("patchOperations", ())}
    if any(path.startswith("/policy") for path in changes):
        raise APIS.error("policies of REST APIs")
    document = call.ask_moto_json()
    if DISABLE in changes:
        disabled = changes[DISABLE] == "true"
        call.backend().apis[document["id"]].disableExecuteApiEndpoint = disabled
        document[DISABLE[1:]] = disabled
    return call.json(document)


@operation(SERVICE, "PutRestApi", "ImportRestApi")
def import_rest_api(call: Call) -> Response:
    """Refuse an import, of which moto takes a part only."""
    raise APIS.error("imports of REST APIs")


@operation(SERVICE, "PutMethod")
def put_method(call: Call) -> Response:
    """Give a resource a method."""
    check_method(call.parameters)
    return call.ask_moto()


def check_method(settings: dict[str, Any]) -> None:
    """Refuse what would not be checked of a request, from a method's settings by AWS's names.

    Raises
    ------
    AwsError
        ``BadRequestException``; the message names it.
    """
    if settings.get("authorizationType") not in (None, "NONE", "AWS_IAM"):
        raise METHODS.error(f"{settings['authorizationType']} authorization of methods")
    if settings.get("apiKeyRequired") or settings.get("requestValidatorId"):
        raise METHODS.error("API keys and request validators of methods")


@operation(SERVICE, "PutIntegration")
def put_integration(call: Call) -> Response:
    """Put a function, or a constant response, behind a method."""
    check_integration(call.parameters)
    return call.ask_moto()


def check_integration(settings: dict[str, Any]) -> None:
    """Refuse what would not be served, from an integration's settings by AWS's names; see `check_method`."""
    kind, uri = settings["type"], settings.get("uri") or ""
    if kind == "MOCK":
        templates = settings.get("requestTemplates") or {}
        if not all(is_constant(text) and _is_json(text) for text in templates.values()):
            raise TEMPLATES.error()
    elif kind != "AWS_PROXY" or not ("${stageVariables" in uri or FUNCTION.fullmatch(uri)):
        raise INTEGRATIONS.error(f"integration of type {kind} with {uri or 'nothing'}")
    check_timeout(settings.get("timeoutInMillis"), REST_SECONDS)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


@operation(SERVICE, "PutIntegrationResponse")
def put_integration_response(call: Call) -> Response:
    """Say what a mock returns."""
    templates = call.parameters.get("responseTemplates") or {}
    values = (call.parameters.get("responseParameters") or {}).values()
    quoted = all(value[:1] == value[-1:] == "'" for value in values)
    if not quoted or not all(is_constant(text) for text in templates.values()):
        raise TEMPLATES.error()
    return call.ask_moto()


@operation(SERVICE, "CreateDeployment")
def create_deployment(call: Call) -> Response:
    """Deploy a REST API as it is now."""
    document = call.ask_moto_json()
    deploy(call.cloud, call.backend().apis[call.parameters["restApiId"]], document["id"])
    return call.json(document, 201)


@operation(SERVICE, "DeleteRestApi")
def delete_rest_api(call: Call) -> Response:
    """Delete a REST API, and its deployments with it."""
    response = call.ask_moto()
    if response.ok:
        kept: tuple[dict[tuple[str, str], Any], ...] = (
            call.cloud.store(Deployments).by_id,
            call.cloud.store(GatewayResponses).by_deployment,
        )
        for deployments in kept:
            for key in [key for key in deployments if key[0] == call.parameters["restApiId"]]:
                deployments.pop(key, None)
    return response
