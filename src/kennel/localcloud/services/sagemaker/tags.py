"""Tags of SageMaker's resources: one value for a key, and lifecycle configurations too."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.tag_store import from_pairs, to_pairs


@operation("sagemaker", "ListTags", "AddTags", "DeleteTags")
def tags(call: Call) -> dict[str, Any]:
    """Answer the three tag operations; moto appends a second value where a key exists."""
    resource = _resource(call)
    if call.operation == "AddTags":
        merged = {**from_pairs(resource.tags), **from_pairs(call.parameters.get("Tags"))}
        resource.tags = to_pairs(merged)
    if call.operation == "DeleteTags":
        gone = set(call.parameters.get("TagKeys", []))
        resource.tags = [tag for tag in resource.tags if tag["Key"] not in gone]
        return {}
    return {"Tags": resource.tags or []}


def _resource(call: Call) -> Any:
    arn = call.parameters["ResourceArn"]
    kind, _, name = arn.split(":")[-1].partition("/")
    backend = call.backend()
    try:
        if kind == "notebook-instance-lifecycle-config":
            found = backend.notebook_instance_lifecycle_configurations.get(name)
        else:
            found = backend._get_resource_from_arn(arn)
    except (AttributeError, ValueError, TypeError):  # a kind that moto does not know
        found = None
    if found is None or not hasattr(found, "tags"):
        raise AwsError("ValidationException", f"Could not find the resource {arn}.")
    return found
