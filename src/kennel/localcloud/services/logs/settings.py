"""CloudWatch Logs' settings that moto forgets: classes and keys of groups, distributions of subscriptions."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response

CLASSES = ("STANDARD", "INFREQUENT_ACCESS", "DELIVERY")  # the first one unless the request names another
DISTRIBUTIONS = ("ByLogStream", "Random")


@operation("logs", "CreateLogGroup")
def create_log_group(call: Call) -> Response:
    """Make a group of a class; the class changes nothing else here."""
    kind = call.parameters.get("logGroupClass")
    _check("logGroupClass", kind, CLASSES)
    response = call.ask_moto()
    if response.ok and kind:
        _group(call).kennel_class = kind
    return response


@operation("logs", "DescribeLogGroups")
def describe_log_groups(call: Call) -> Response:
    """Describe groups, with their classes."""
    document, groups = call.ask_moto_json(), call.backend().groups
    for each in document["logGroups"]:
        each["logGroupClass"] = getattr(groups.get(each["logGroupName"]), "kennel_class", CLASSES[0])
    kind = call.parameters.get("logGroupClass")
    document["logGroups"] = [each for each in document["logGroups"] if kind in (None, each["logGroupClass"])]
    return call.json(document)


@operation("logs", "AssociateKmsKey", "DisassociateKmsKey")
def change_key(call: Call) -> dict[str, Any]:
    """Name the key of a group, or none; nothing is encrypted here."""
    group = _group(call)
    if group is None:
        raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
    group.kms_key_id = call.parameters.get("kmsKeyId")
    return {}


@operation("logs", "PutSubscriptionFilter")
def put_subscription_filter(call: Call) -> Response:
    """Make a filter or replace the one of its name, which moto refuses where a group has two."""
    parameters, group = call.parameters, _group(call)
    _check("distribution", parameters.get("distribution"), DISTRIBUTIONS)
    filters = group.subscription_filters if group else {}
    name = parameters["filterName"]
    before = filters.pop(name, None)
    try:
        response = call.ask_moto()
    finally:
        if before is not None and name not in filters:
            filters[name] = before
    if response.ok:
        record = filters[name]
        record.kennel_distribution = parameters.get("distribution") or DISTRIBUTIONS[0]
        record.creation_time = before.creation_time if before else record.creation_time
    return response


@operation("logs", "DescribeSubscriptionFilters")
def describe_subscription_filters(call: Call) -> Response:
    """Describe filters, with their distributions."""
    document, filters = call.ask_moto_json(), _group(call).subscription_filters
    for each in document["subscriptionFilters"]:
        record = filters[each["filterName"]]
        each["distribution"] = getattr(record, "kennel_distribution", DISTRIBUTIONS[0])
    return call.json(document)


def _group(call: Call) -> Any:
    return call.backend().groups.get(call.parameters.get("logGroupName"))


def _check(name: str, value: str | None, values: tuple[str, ...]) -> None:
    if value is not None and value not in values:
        raise AwsError("InvalidParameterException", f"{name} must be one of {', '.join(values)}")
