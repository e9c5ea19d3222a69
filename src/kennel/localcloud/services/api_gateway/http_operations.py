"""HTTP APIs' operations: what would not be served is refused; moto keeps the records."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.coverage import describe, refusal
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import Response
from kennel.localcloud.services.api_gateway.addresses import address
from kennel.localcloud.services.api_gateway.integration import FUNCTION, HTTP_SECONDS, check_timeout
from kennel.localcloud.services.api_gateway.served import DEFAULT

SERVICE, CODE = "apigatewayv2", "BadRequestException"
describe(
    SERVICE,
    "HTTP APIs: requests reach functions through routes, by payload format 1.0 or 2.0, with the function's "
    "policy or the integration's role checked; stages and their variables, `AWS_IAM`, CORS, time limits",
)
SOCKETS = refusal(SERVICE, "WebSocket APIs", "use an HTTP API", CODE)
INTEGRATIONS = refusal(
    SERVICE, "integrations other than `AWS_PROXY` with a function", "let a function call what is behind", CODE
)
AUTHORIZERS = refusal(
    SERVICE,
    "`JWT` and `CUSTOM` authorization of routes",
    "use NONE or AWS_IAM, and check tokens in the function",
    CODE,
)
STAGES = refusal(SERVICE, "stages without `AutoDeploy`", "set AutoDeploy: changes are served at once", CODE)
QUICK_CREATED = refusal(
    SERVICE, "changes of the route and target that an API was created with", "change its integration", CODE
)
REQUESTS = refusal(SERVICE, "mappings of parameters and API keys", "let the function read the request", CODE)


@operation(SERVICE, "CreateApi", "UpdateApi", "ImportApi", "ReimportApi")
def put_api(call: Call) -> Response:
    """Make or change an HTTP API, and return an address that works on this machine."""
    parameters = call.parameters
    if parameters.get("ProtocolType") == "WEBSOCKET":
        raise SOCKETS.error()
    target = parameters.get("Target")
    if target and not FUNCTION.fullmatch(target):
        raise INTEGRATIONS.error(f"integration with {target}")
    if call.operation == "UpdateApi" and (target or parameters.get("RouteKey")):
        raise QUICK_CREATED.error()
    response = _with_address(call)
    if target and response.ok:
        _create_quickly(call, response.json()["apiId"], target)
    return response


def _create_quickly(call: Call, api_id: str, target: str) -> None:
    """Make the integration, the route and the stage that come with an API for one function."""
    parameters, backend = call.parameters, call.backend()
    integration = backend.create_integration(
        api_id,
        connection_id=None,
        connection_type="INTERNET",
        content_handling_strategy=None,
        credentials_arn=parameters.get("CredentialsArn"),
        description=None,
        integration_method="POST",
        integration_subtype=None,
        integration_type="AWS_PROXY",
        integration_uri=target,
        passthrough_behavior=None,
        payload_format_version="2.0",
        request_parameters=None,
        request_templates=None,
        response_parameters=None,
        template_selection_expression=None,
        timeout_in_millis=None,
        tls_config=None,
    )
    api = backend.get_api(api_id)
    api.create_route(
        api_key_required=False,
        authorization_scopes=None,
        route_key=parameters.get("RouteKey") or DEFAULT,
        target=f"integrations/{integration.id}",
        authorization_type="NONE",
    )
    api.create_stage({"stageName": DEFAULT, "autoDeploy": True})


@operation(SERVICE, "GetApi")
def get_api(call: Call) -> Response:
    """Describe an API with an address that works on this machine."""
    return _with_address(call)


def _with_address(call: Call) -> Response:
    response = call.ask_moto()
    if not response.ok:
        return response
    document: dict[str, Any] = response.json()
    document["apiEndpoint"] = address(call.cloud, document["apiId"])
    return call.json(document, response.status)


@operation(SERVICE, "GetApis")
def get_apis(call: Call) -> Response:
    """List APIs with addresses that work on this machine."""
    document = call.ask_moto_json()
    for item in document["items"]:
        item["apiEndpoint"] = address(call.cloud, item["apiId"])
    return call.json(document)


@operation(SERVICE, "CreateIntegration", "UpdateIntegration")
def put_integration(call: Call) -> Response:
    """Make or change an integration, which must be one with a function."""
    parameters = call.parameters
    kind, uri = parameters.get("IntegrationType"), parameters.get("IntegrationUri")
    if (
        kind not in (None, "AWS_PROXY")
        or parameters.get("IntegrationSubtype")
        or parameters.get("ConnectionId")
    ):
        raise INTEGRATIONS.error(f"integration of type {parameters.get('IntegrationSubtype') or kind}")
    if uri is not None and "${stageVariables" not in uri and not FUNCTION.fullmatch(uri):
        raise INTEGRATIONS.error(f"integration with {uri}")
    if parameters.get("RequestParameters") or parameters.get("ResponseParameters"):
        raise REQUESTS.error("mappings of parameters")
    check_timeout(parameters.get("TimeoutInMillis"), HTTP_SECONDS)
    return call.ask_moto()


@operation(SERVICE, "CreateRoute", "UpdateRoute")
def put_route(call: Call) -> Response:
    """Make or change a route."""
    if call.parameters.get("AuthorizationType") not in (None, "NONE", "AWS_IAM"):
        raise AUTHORIZERS.error(f"{call.parameters['AuthorizationType']} authorization of routes")
    if call.parameters.get("ApiKeyRequired"):
        raise REQUESTS.error("API keys")
    return call.ask_moto()


@operation(SERVICE, "CreateStage")
def create_stage(call: Call) -> Response:
    """Make a stage, which deploys what changes."""
    if not call.parameters.get("AutoDeploy"):
        raise STAGES.error()
    return call.ask_moto()
