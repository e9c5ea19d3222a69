"""What is served of an API: its stages, its routes, and the events and responses of its kind."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from kennel.localcloud.protocol.messages import Environ, Response
from kennel.localcloud.services.api_gateway.integration import FunctionIntegration
from kennel.localcloud.services.api_gateway.payload import ApiRequest
from kennel.localcloud.services.api_gateway.routes import VARIABLE, Route, match
from kennel.localcloud.services.lambda_.cors import Cors

DEFAULT = "$default"


@dataclass(frozen=True)
class ServedRoute:
    """A route and what is behind it: a function, or the constant response of a mock.

    Attributes
    ----------
    key
        As the API names it, e.g. ``GET /pets/{id}``.
    signed
        Whether callers must sign their requests.
    """

    key: str
    method: str
    resource: str
    integration: FunctionIntegration | None
    constant: Response | None = None
    resource_id: str = ""
    signed: bool = False
    payload_format: str = "1.0"

    def source(self, method: str) -> str:
        """Return the end of the ARN by which a function's policy knows the route."""
        return DEFAULT if self.key == DEFAULT else method + VARIABLE.sub("*", self.resource)


class ServedApi(ABC):
    """An API. `rest` tells its kind, where their responses differ."""

    rest = False

    def __init__(self, api_id: str) -> None:
        self.api_id = api_id

    @property
    @abstractmethod
    def disabled(self) -> bool:
        """Whether requests to its own address are refused: only custom domains would lead to it."""

    @abstractmethod
    def stages(self) -> dict[str, dict[str, str]]:
        """Return the variables of each stage, by its name."""

    @abstractmethod
    def routes(self, stage: str) -> list[ServedRoute]:
        """Return the routes of a stage."""

    @abstractmethod
    def event(self, route: ServedRoute, request: ApiRequest, environ: Environ, body: bytes) -> dict[str, Any]:
        """Return the event for a function."""

    @abstractmethod
    def response(self, route: ServedRoute, payload: bytes) -> Response:
        """Return the HTTP response for what a function returned."""

    def failure(self, stage: str, kind: str, status: int, message: str, request_id: str = "") -> Response:
        """Return the response where no integration answers.

        Parameters
        ----------
        kind
            REST APIs' type of the response.
        """
        body = json.dumps({"message": message}).encode()
        return Response(status, [("Content-Type", "application/json")], body)

    @abstractmethod
    def no_route(self, stage: str | None) -> Response:
        """Return the response where no route matches."""

    def variables(self, stage: str) -> dict[str, str]:
        """Return the variables of a stage."""
        return self.stages()[stage]

    def stage_of(self, path: str) -> tuple[str | None, str]:
        """Return the stage that a path names, or the default one, and the path below it."""
        first, _, rest = path[1:].partition("/")
        stages = self.stages()
        if first in stages and first != DEFAULT:
            return first, f"/{rest}"
        return (DEFAULT, path) if DEFAULT in stages else (None, path)

    def match(self, stage: str, method: str, path: str) -> tuple[ServedRoute, dict[str, str]] | None:
        """Return the route of a request and the values of its variables, or None."""
        served = self.routes(stage)
        routes = [Route(each.method, each.resource, each) for each in served if each.key != DEFAULT]
        matched = match(routes, method, path)
        if matched:
            return matched[0].target, matched[1]
        default = next((each for each in served if each.key == DEFAULT), None)
        return (default, {}) if default else None

    def cors(self) -> Cors | None:
        """Return what pages of other origins may do; None where the API says nothing of it."""
        return None
