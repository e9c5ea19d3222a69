"""Tags of SageMaker's resources: one value for a key, and lifecycle configurations too."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.sagemaker import tagged_resource
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.tag_store import from_pairs, to_pairs


@operation("sagemaker", "AddTags")
def add_tags(call: Call) -> dict[str, Any]:
    """Add or replace tags; moto appends a second value where a key exists."""
    resource = _resource(call)
    resource.tags = to_pairs({**from_pairs(resource.tags), **from_pairs(call.parameters.get("Tags"))})
    return {"Tags": resource.tags}


@operation("sagemaker", "DeleteTags")
def delete_tags(call: Call) -> dict[str, Any]:
    """Remove tags by key; keys that the resource does not have are ignored, as on AWS."""
    resource, keys = _resource(call), set(call.parameters.get("TagKeys", []))
    resource.tags = [tag for tag in resource.tags or [] if tag["Key"] not in keys]
    return {}


@operation("sagemaker", "ListTags")
def list_tags(call: Call) -> dict[str, Any]:
    """List all tags of a resource, in one page."""
    return {"Tags": _resource(call).tags or []}


def _resource(call: Call) -> Any:
    arn = call.parameters["ResourceArn"]
    resource = tagged_resource(call.backend(), arn)
    if resource is None:
        raise AwsError("ValidationException", f"Could not find the resource {arn}.")
    return resource
