"""What is served of a REST API: its deployments, as the API was when each was made."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.protocol.messages import Environ, Response
from kennel.localcloud.services.api_gateway import payload
from kennel.localcloud.services.api_gateway.gateway_responses import GatewayResponses, answer, as_set
from kennel.localcloud.services.api_gateway.integration import REST_SECONDS, FunctionIntegration
from kennel.localcloud.services.api_gateway.payload import ApiRequest
from kennel.localcloud.services.api_gateway.served import ServedApi, ServedRoute

SCRIPT = re.compile(r"[$#]")  # of the template language


@dataclass
class Deployments(KeptStore):
    """The routes of each deployment, by the ids of the API and of the deployment."""

    by_id: dict[tuple[str, str], list[ServedRoute]] = field(default_factory=dict)


class RestApi(ServedApi):
    """A REST API; `record` is moto's."""

    rest = True

    def __init__(self, cloud: Cloud, record: Any) -> None:
        super().__init__(record.id)
        self._deployments, self._record = cloud.store(Deployments).by_id, record
        self._answers = cloud.store(GatewayResponses).by_deployment

    @property
    def disabled(self) -> bool:
        """As the API is set; moto keeps a text or a truth value."""
        return str(self._record.disableExecuteApiEndpoint).lower() == "true"

    def stages(self) -> dict[str, dict[str, str]]:
        """Return the variables of each stage, by its name."""
        return {name: dict(stage.variables or {}) for name, stage in list(self._record.stages.items())}

    def routes(self, stage: str) -> list[ServedRoute]:
        """Return the routes of a stage's deployment."""
        return self._deployments.get((self.api_id, self._record.stages[stage].deployment_id), [])

    def event(self, route: ServedRoute, request: ApiRequest, environ: Environ, body: bytes) -> dict[str, Any]:
        """Return an event in payload format 1.0."""
        return payload.event_of(request, environ, body, self._record.binaryMediaTypes)

    def response(self, route: ServedRoute, payload_: bytes) -> Response:
        """Return a response in payload format 1.0."""
        return payload.response_of(payload_)

    def failure(self, stage: str, kind: str, status: int, message: str, request_id: str = "") -> Response:
        """Return the gateway response of the stage's deployment."""
        record = self._record.stages.get(stage)
        deployed = (self.api_id, record.deployment_id if record else "")
        chosen = self._answers.get(deployed, {})
        return answer(chosen, kind, status, message, {"requestId": request_id, "stage": stage})

    def no_route(self, stage: str | None) -> Response:
        """Return 403, as AWS does."""
        if stage is None:  # of no deployment
            return super().failure("", "", 403, "Forbidden")
        return self.failure(stage, "MISSING_AUTHENTICATION_TOKEN", 403, "Missing Authentication Token")


def deploy(cloud: Cloud, record: Any, deployment_id: str) -> None:
    """Keep the routes of a REST API as they are now."""
    routes = [
        _route(resource, name, method)
        for resource in record.resources.values()
        for name, method in resource.resource_methods.items()
        if method.method_integration is not None
    ]
    cloud.store(Deployments).by_id[record.id, deployment_id] = routes
    cloud.store(GatewayResponses).by_deployment[record.id, deployment_id] = as_set(record)


def _route(resource: Any, name: str, method: Any) -> ServedRoute:
    integration, path = method.method_integration, resource.get_path()
    function = integration.integration_type == "AWS_PROXY"
    return ServedRoute(
        key=f"{name} {path}",
        method=name,
        resource=path,
        integration=_function(integration) if function else None,
        constant=None if function else _constant(integration),
        resource_id=resource.id,
        signed=method.authorization_type == "AWS_IAM",
    )


def _function(integration: Any) -> FunctionIntegration:
    milliseconds = integration.timeout_in_millis
    seconds = int(milliseconds) / 1000 if milliseconds else REST_SECONDS
    return FunctionIntegration(integration.uri, integration.credentials or "", seconds)


def _constant(integration: Any) -> Response | None:
    """Return what a mock returns: the response of the status that its template names."""
    template = (integration.request_templates or {}).get("application/json", "{}")
    status = str(json.loads(template or "{}").get("statusCode", 200))
    response = (integration.integration_responses or {}).get(status)
    if response is None:
        return None
    headers = [
        (name.removeprefix("method.response.header."), value[1:-1])
        for name, value in (response.response_parameters or {}).items()
    ]
    body = (response.response_templates or {}).get("application/json") or ""
    return Response(int(status), [("Content-Type", "application/json"), *headers], body.encode())


def is_constant(text: str | None) -> bool:
    """Whether a template of a mock is a constant: AWS's template language is not run."""
    return not SCRIPT.search(text or "")
