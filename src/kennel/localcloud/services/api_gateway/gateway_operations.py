"""Operations on gateway responses: what could not be answered is refused, defaults are shown."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.api_gateway.gateway_responses import (
    DEFAULT_TEMPLATES,
    HEADER,
    STATUSES,
    as_set,
    is_supported,
)
from kennel.localcloud.services.api_gateway.rest_operations import SERVICE, TEMPLATES


@operation(SERVICE, "PutGatewayResponse")
def put_gateway_response(call: Call) -> Response:
    """Say what an API answers from its next deployment on, where no integration does."""
    given = call.parameters
    if given["responseType"] not in STATUSES:
        message = f"Invalid response type specified: {given['responseType']}"
        raise AwsError("BadRequestException", message, 400)
    for name, value in (given.get("responseParameters") or {}).items():
        if not name.startswith(HEADER) or not (len(value) > 1 and value[0] == value[-1] == "'"):
            raise TEMPLATES.error(f"{name} of gateway responses from {value}")
    if not all(is_supported(text) for text in (given.get("responseTemplates") or {}).values()):
        raise TEMPLATES.error()
    return call.ask_moto()


@operation(SERVICE, "GetGatewayResponse")
def get_gateway_response(call: Call) -> Response:
    """Describe a gateway response, also one that was not set."""
    kind = call.parameters["responseType"]
    if kind not in STATUSES:
        raise AwsError("NotFoundException", f"Invalid response type specified: {kind}", 404)
    return call.json(_described(_as_set(call), kind))


@operation(SERVICE, "GetGatewayResponses")
def get_gateway_responses(call: Call) -> Response:
    """List all gateway responses, also those that were not set."""
    chosen = _as_set(call)
    return call.json({"item": [_described(chosen, kind) for kind in STATUSES]})


def _as_set(call: Call) -> dict[str, dict[str, Any]]:
    return as_set(call.backend().get_rest_api(call.parameters["restApiId"]))


def _described(chosen: dict[str, dict[str, Any]], kind: str) -> dict[str, Any]:
    settings, status = chosen.get(kind), STATUSES[kind]
    default = {"responseParameters": {}, "responseTemplates": DEFAULT_TEMPLATES}
    if settings is None:
        code = {"statusCode": str(status)} if status else {}
        return {"responseType": kind, "defaultResponse": True, **default, **code}
    return {**default, **{name: value for name, value in settings.items() if value is not None}}
