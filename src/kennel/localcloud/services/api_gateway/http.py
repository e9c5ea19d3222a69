"""What is served of an HTTP API: its routes as they are, in every stage."""

from __future__ import annotations

import json
from typing import Any

from kennel.localcloud.protocol.messages import Environ, Response
from kennel.localcloud.services.api_gateway import payload
from kennel.localcloud.services.api_gateway.integration import FunctionIntegration
from kennel.localcloud.services.api_gateway.payload import ApiRequest
from kennel.localcloud.services.api_gateway.served import ServedApi, ServedRoute
from kennel.localcloud.services.lambda_ import url_payload
from kennel.localcloud.services.lambda_.cors import Cors


class HttpApi(ServedApi):
    """An HTTP API; `record` is moto's."""

    def __init__(self, record: Any) -> None:
        super().__init__(record.api_id)
        self._record = record

    @property
    def disabled(self) -> bool:
        """As the API is set."""
        return bool(self._record.disable_execute_api_endpoint)

    def stages(self) -> dict[str, dict[str, str]]:
        """Return the variables of each stage, by its name."""
        return {name: dict(stage.stage_variables or {}) for name, stage in list(self._record.stages.items())}

    def routes(self, stage: str) -> list[ServedRoute]:
        """Return the routes: every stage deploys changes at once."""
        return [self._route(route) for route in list(self._record.routes.values()) if route.target]

    def _route(self, route: Any) -> ServedRoute:
        method, _, resource = route.route_key.partition(" ")
        integration = self._record.integrations.get(route.target.split("/")[-1])
        return ServedRoute(
            key=route.route_key,
            method=method if resource else "ANY",
            resource=resource or "/$default",
            integration=_function(integration) if integration else None,
            signed=route.authorization_type == "AWS_IAM",
            payload_format=(integration.payload_format_version if integration else None) or "1.0",
        )

    def event(self, route: ServedRoute, request: ApiRequest, environ: Environ, body: bytes) -> dict[str, Any]:
        """Return an event in the integration's payload format."""
        if route.payload_format == "1.0":
            binary = payload.binary_of_http_api(environ)
            return {"version": "1.0", **payload.event_of(request, environ, body, binary)}
        event = url_payload.event_of(
            url_payload.UrlRequest(
                url_id=request.api_id,
                host=request.host,
                path=request.full_path,
                request_id=request.request_id,
                caller=request.caller,
                access_key=request.access_key,
            ),
            environ,
            body,
        )
        event["routeKey"] = event["requestContext"]["routeKey"] = route.key
        event["requestContext"]["stage"] = request.stage
        for name, values in (
            ("pathParameters", request.path_parameters),
            ("stageVariables", request.stage_variables),
        ):
            if values:
                event[name] = values
        return event

    def response(self, route: ServedRoute, payload_: bytes) -> Response:
        """Return a response in the integration's payload format."""
        kind = payload if route.payload_format == "1.0" else url_payload
        return kind.response_of(payload_)

    def cors(self) -> Cors | None:
        """Return the API's configuration."""
        return Cors.read(self._record.cors_configuration)

    def no_route(self, stage: str | None) -> Response:
        """Return 404."""
        message = json.dumps({"message": "Not Found"}).encode()
        return Response(404, [("Content-Type", "application/json")], message)


def _function(integration: Any) -> FunctionIntegration:
    seconds = integration.timeout_in_millis / 1000
    return FunctionIntegration(integration.integration_uri, integration.credentials_arn or "", seconds)
