"""Budgets: updates, tags, and the subscribers of a notification."""

from __future__ import annotations

import json
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.tag_store import from_pairs, tags_of, to_pairs

# The members that identify a notification within a budget.
IDENTITY = ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")


def _arn(call: Call, name: str) -> str:
    return f"arn:aws:budgets::{call.account}:budget/{name}"


def _budget(call: Call, name: str) -> Any:
    budget = call.backend().budgets[call.parameters["AccountId"]].get(name)
    if budget is None:
        raise AwsError("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
    return budget


@operation("budgets", "CreateBudget")
def create_budget(call: Call) -> Response:
    """Create a budget through moto, and keep its tags, which moto drops."""
    response = call.ask_moto()
    if response.ok:
        tags = tags_of(call, _arn(call, call.parameters["Budget"]["BudgetName"]))
        tags.clear()
        tags.update(from_pairs(call.parameters.get("ResourceTags")))
    return response


@operation("budgets", "UpdateBudget")
def update_budget(call: Call) -> dict[str, Any]:
    """Replace the members of a budget that the request gives; without filters, the budget's go."""
    # Read from the body: moto keeps a budget as it was sent, times as numbers.
    new = json.loads(call.body)["NewBudget"]
    budget = _budget(call, new["BudgetName"]).budget
    if "CostFilters" not in new:
        budget.pop("CostFilters", None)
    budget.update(new)
    return {}


@operation("budgets", "DescribeSubscribersForNotification")
def describe_subscribers(call: Call) -> dict[str, Any]:
    """Return the subscribers of a notification."""
    return {"Subscribers": _notification(call, call.parameters["Notification"]).subscribers}


@operation("budgets", "UpdateNotification")
def update_notification(call: Call) -> dict[str, Any]:
    """Replace a notification's details."""
    _notification(call, call.parameters["OldNotification"]).details = call.parameters["NewNotification"]
    return {}


def _notification(call: Call, requested: dict[str, Any]) -> Any:
    for notification in _budget(call, call.parameters["BudgetName"]).notifications:
        if _identity(notification.details) == _identity(requested):
            return notification
    raise AwsError("NotFoundException", "Unable to find the notification: it doesn't exist.")


def _identity(notification: dict[str, Any]) -> tuple[Any, ...]:
    values = {"ThresholdType": "PERCENTAGE", **notification}
    return tuple(float(values[name]) if name == "Threshold" else values.get(name) for name in IDENTITY)


@operation("budgets", "ListTagsForResource")
def list_tags(call: Call) -> dict[str, Any]:
    """Return a budget's tags."""
    return {"ResourceTags": to_pairs(tags_of(call, call.parameters["ResourceARN"]))}


@operation("budgets", "TagResource")
def tag_resource(call: Call) -> dict[str, Any]:
    """Add tags to a budget."""
    tags_of(call, call.parameters["ResourceARN"]).update(from_pairs(call.parameters["ResourceTags"]))
    return {}


@operation("budgets", "UntagResource")
def untag_resource(call: Call) -> dict[str, Any]:
    """Remove tags from a budget."""
    tags = tags_of(call, call.parameters["ResourceARN"])
    for key in call.parameters["ResourceTagKeys"]:
        tags.pop(key, None)
    return {}
