"""Changes of REST APIs' methods and integrations in place, which moto does not have.

https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
"""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.api_gateway.rest_operations import check_integration, check_method

# From AWS's names to the attributes of moto's records.
METHOD = {
    "authorizationType": "authorization_type",
    "apiKeyRequired": "api_key_required",
    "operationName": "operation_name",
    "requestValidatorId": "request_validator_id",
    "requestParameters": "request_parameters",
    "requestModels": "request_models",
}
INTEGRATION = {
    "uri": "uri",
    "credentials": "credentials",
    "httpMethod": "http_method",
    "timeoutInMillis": "timeout_in_millis",
    "passthroughBehavior": "passthrough_behaviour",
    "contentHandling": "content_handling",
    "requestTemplates": "request_templates",
    "requestParameters": "request_parameters",
}
MAPS = ("requestParameters", "requestModels", "requestTemplates")


@operation("apigateway", "UpdateMethod")
def update_method(call: Call) -> Response:
    """Change a method; deployments that were made stay as they are."""
    method = _method(call)
    settings = _patched(call, method, METHOD)
    check_method(settings)
    _set(method, METHOD, settings)
    return call.json(method.to_json())


@operation("apigateway", "UpdateIntegration")
def update_integration(call: Call) -> Response:
    """Change an integration; deployments that were made stay as they are."""
    integration = _method(call).method_integration
    if integration is None:
        raise AwsError("NotFoundException", "Invalid Integration identifier specified", 404)
    settings = _patched(call, integration, INTEGRATION)
    check_integration({**settings, "type": integration.integration_type})
    _set(integration, INTEGRATION, settings)
    return call.json(integration.to_json())


def _method(call: Call) -> Any:
    names = ("restApiId", "resourceId", "httpMethod")
    return call.backend().get_method(*(call.parameters[name] for name in names))


def _patched(call: Call, record: Any, attributes: dict[str, str]) -> dict[str, Any]:
    """Return a record's settings by AWS's names, with a call's changes."""
    settings = {name: getattr(record, attribute) for name, attribute in attributes.items()}
    for change in call.parameters.get("patchOperations", ()):
        path, value = change.get("path", ""), change.get("value")
        name, _, key = path.removeprefix("/").partition("/")
        if name not in attributes or bool(key) != (name in MAPS):
            raise AwsError("BadRequestException", f"Invalid patch path  '{path}' specified", 400)
        removed = change.get("op") == "remove"
        if key:
            entries = dict(settings[name] or {})
            entries.pop(key := key.replace("~1", "/").replace("~0", "~"), None)
            settings[name] = entries if removed else {**entries, key: value}
        else:
            settings[name] = None if removed else _typed(name, value)
    return settings


def _typed(name: str, value: str | None) -> Any:
    if name == "timeoutInMillis":
        return int(value) if value and value.isdigit() else 0  # which the check of it refuses
    return value == "true" if name == "apiKeyRequired" else value


def _set(record: Any, attributes: dict[str, str], settings: dict[str, Any]) -> None:
    for name, attribute in attributes.items():
        setattr(record, attribute, settings[name])
