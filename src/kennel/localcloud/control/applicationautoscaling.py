"""Application Auto Scaling: tags of scalable targets, and the record of scaling activities."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.call import Call, Response, operation
from kennel.localcloud.control.tags import tags_of

SERVICE = "application-autoscaling"


@operation(SERVICE, "RegisterScalableTarget")
def register_scalable_target(call: Call) -> Response:
    document = call.forward_json()
    tags_of(call, document["ScalableTargetARN"]).update(call.parameters.get("Tags") or {})
    return call.json(document)


@operation(SERVICE, "ListTagsForResource")
def list_tags(call: Call) -> dict[str, Any]:
    return {"Tags": tags_of(call, call.parameters["ResourceARN"])}


@operation(SERVICE, "TagResource")
def tag_resource(call: Call) -> dict[str, Any]:
    tags_of(call, call.parameters["ResourceARN"]).update(call.parameters["Tags"])
    return {}


@operation(SERVICE, "UntagResource")
def untag_resource(call: Call) -> dict[str, Any]:
    tags = tags_of(call, call.parameters["ResourceARN"])
    for key in call.parameters["TagKeys"]:
        tags.pop(key, None)
    return {}


@operation(SERVICE, "DescribeScalingActivities")
def describe_scaling_activities(call: Call) -> dict[str, Any]:
    """What scaling did, newest first: the activities that whoever scales appends to this service's state."""
    wanted = {
        name: call.parameters[name]
        for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")
        if call.parameters.get(name)
    }
    activities = call.cloud.state(SERVICE).get("activities", [])
    found = [a for a in activities if all(a.get(name) == value for name, value in wanted.items())]
    return {"ScalingActivities": found[::-1]}
