"""Gateway responses: what a REST API answers where no integration does.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from kennel.localcloud.dispatch.cloud import KeptStore
from kennel.localcloud.protocol.messages import Response

# The status of each type; those of the defaults are those of the responses that they stand for.
STATUSES: dict[str, int | None] = {
    "ACCESS_DENIED": 403,
    "API_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_FAILURE": 500,
    "BAD_REQUEST_BODY": 400,
    "BAD_REQUEST_PARAMETERS": 400,
    "DEFAULT_4XX": None,
    "DEFAULT_5XX": None,
    "EXPIRED_TOKEN": 403,
    "INTEGRATION_FAILURE": 504,
    "INTEGRATION_TIMEOUT": 504,
    "INVALID_API_KEY": 403,
    "INVALID_SIGNATURE": 403,
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "QUOTA_EXCEEDED": 429,
    "REQUEST_TOO_LARGE": 413,
    "RESOURCE_NOT_FOUND": 404,
    "THROTTLED": 429,
    "UNAUTHORIZED": 401,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "WAF_FILTERED": 403,
}
JSON = "application/json"
DEFAULT_TEMPLATES = {JSON: '{"message":$context.error.messageString}'}
HEADER = "gatewayresponse.header."
VARIABLE = re.compile(
    r"\$context\.(error\.messageString|error\.message|error\.responseType|requestId|stage)\b"
)
BROKEN = 500


@dataclass
class GatewayResponses(KeptStore):
    """What each deployment of a region answers, by the ids of the API and of the deployment, and by type."""

    by_deployment: dict[tuple[str, str], dict[str, dict[str, Any]]] = field(default_factory=dict)


def as_set(record: Any) -> dict[str, dict[str, Any]]:
    """Return the gateway responses of moto's record of an API, by type."""
    return {name: each.to_json() for name, each in record.gateway_responses.items()}


def is_supported(template: str) -> bool:
    """Whether a template is constant but for variables of errors: AWS's template language is not run."""
    return not re.search(r"[$#]", VARIABLE.sub("", template))


def answer(
    chosen: dict[str, dict[str, Any]], kind: str, status: int, message: str, context: dict[str, str]
) -> Response:
    """Return the response for what went wrong.

    Parameters
    ----------
    chosen
        The gateway responses of the deployment.
    kind, status, message
        The type of the response, and what it says without a template.
    context
        More variables of templates, by their names below ``$context``.
    """
    fallback = "DEFAULT_5XX" if status >= BROKEN else "DEFAULT_4XX"
    settings = chosen.get(kind) or chosen.get(fallback) or {}
    templates = settings.get("responseTemplates") or DEFAULT_TEMPLATES
    content_type = JSON if JSON in templates else next(iter(templates))
    values = {
        "error.messageString": json.dumps(message),
        "error.message": message,
        "error.responseType": kind,
        **context,
    }
    body = VARIABLE.sub(lambda name: values.get(name[1], ""), templates[content_type] or "")
    headers = {
        name.removeprefix(HEADER): value[1:-1]
        for name, value in (settings.get("responseParameters") or {}).items()
    }
    code = int(settings.get("statusCode") or status)
    return Response(code, [("Content-Type", content_type), *headers.items()], body.encode())
