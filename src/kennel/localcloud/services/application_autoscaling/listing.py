"""Pages and filters of what Application Auto Scaling lists."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.application_autoscaling.state import KEY_MEMBERS, Key, validation_error

PAGE_SIZE = MOST_RESULTS = 50


def page(call: Call, member: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the page of a list that a call asks for.

    Raises
    ------
    AwsError
        ``InvalidNextTokenException``, or ``ValidationException`` for a MaxResults beyond 1 to 50.
    """
    size, token = call.parameters.get("MaxResults") or PAGE_SIZE, call.parameters.get("NextToken") or "0"
    if not 1 <= size <= MOST_RESULTS:
        raise validation_error(f"MaxResults must be between 1 and {MOST_RESULTS}")
    if not token.isdecimal() or int(token) > len(items):
        raise AwsError("InvalidNextTokenException", "The next token is not valid")
    end = int(token) + size
    return {member: items[int(token) : end]} | ({"NextToken": str(end)} if end < len(items) else {})


def matches(call: Call, key: Key) -> bool:
    """Whether a target is what a Describe call asks for.

    Raises
    ------
    AwsError
        ``ValidationException``: it has a dimension and no resource.
    """
    parameters = call.parameters
    if parameters.get("ScalableDimension") and not (
        parameters.get("ResourceId") or parameters.get("ResourceIds")
    ):
        raise validation_error("ResourceId must be specified together with ScalableDimension")
    ids = parameters.get("ResourceIds")
    return all(
        parameters.get(name) in (None, value) for name, value in zip(KEY_MEMBERS, key, strict=True)
    ) and (not ids or key[1] in ids)
