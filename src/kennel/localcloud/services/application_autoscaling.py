"""Application Auto Scaling: tags of scalable targets, and the record of scaling activities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import KeptStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import Response
from kennel.localcloud.services.tag_store import tags_of

SERVICE = "application-autoscaling"


@dataclass
class ScalingActivities(KeptStore):
    """The scaling activities of a cloud; whatever scales a target appends to them."""

    oldest_first: list[dict[str, Any]] = field(default_factory=list)


@operation(SERVICE, "RegisterScalableTarget")
def register_scalable_target(call: Call) -> Response:
    """Register a target through moto, and keep its tags, which moto drops."""
    document = call.ask_moto_json()
    tags_of(call, document["ScalableTargetARN"]).update(call.parameters.get("Tags") or {})
    return call.json(document)


@operation(SERVICE, "ListTagsForResource")
def list_tags(call: Call) -> dict[str, Any]:
    """Return a target's tags."""
    return {"Tags": tags_of(call, call.parameters["ResourceARN"])}


@operation(SERVICE, "TagResource")
def tag_resource(call: Call) -> dict[str, Any]:
    """Add tags to a target."""
    tags_of(call, call.parameters["ResourceARN"]).update(call.parameters["Tags"])
    return {}


@operation(SERVICE, "UntagResource")
def untag_resource(call: Call) -> dict[str, Any]:
    """Remove tags from a target."""
    tags = tags_of(call, call.parameters["ResourceARN"])
    for key in call.parameters["TagKeys"]:
        tags.pop(key, None)
    return {}


@operation(SERVICE, "DescribeScalingActivities")
def describe_scaling_activities(call: Call) -> dict[str, Any]:
    """Return what scaling did, newest first."""
    filters = {
        name: call.parameters[name]
        for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")
        if call.parameters.get(name)
    }
    activities = call.cloud.store(ScalingActivities).oldest_first
    matching = [
        activity
        for activity in activities
        if all(activity.get(name) == value for name, value in filters.items())
    ]
    return {"ScalingActivities": matching[::-1]}
