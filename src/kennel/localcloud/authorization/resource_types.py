"""The resources of calls without a rule of their own: AWS's resource types, bound to the calls' parameters.

``resource_types.json`` holds, from the Service Authorization Reference, the ARN template of each resource
type, and the types of each action. A type is bound to the parameter that has the name of the template's last
variable, or one of `PARAMETERS`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from kennel.localcloud.dispatch.request import ApiRequest

VARIABLE = re.compile(r"\$\{(?P<name>\w+)\}")
# Parameters that hold the ARN of a resource of any type.
ARNS = ("resourcearn", "resource", "arn", "resourceid", "resourceidlist")
# (IAM's prefix, resource type): the parameters that name one, where the template's last variable does not.
PARAMETERS: dict[tuple[str, str], tuple[str, ...]] = {
    ("cloudtrail", "trail"): ("Name", "TrailName", "TrailNameList"),
    ("cloudwatch", "insight-rule"): ("RuleName", "RuleNames"),
    ("ec2", "dedicated-host"): ("HostIds", "HostId"),
    ("ec2", "key-pair"): ("KeyName",),
    ("ec2", "launch-template"): ("LaunchTemplateId",),
    ("ec2", "prefix-list"): ("PrefixListId",),
    ("ec2", "security-group"): ("GroupId", "GroupIds", "SecurityGroupIds", "Groups"),
    ("ec2", "vpc-endpoint-service"): ("ServiceId", "ServiceIds"),
    ("ec2", "vpc-flow-log"): ("FlowLogIds",),
    ("events", "api-destination"): ("Name",),
    ("events", "connection"): ("ConnectionArn", "Name"),
    ("events", "event-bus"): ("EventSourceArn", "Name", "EventBusName"),
    ("events", "event-source"): ("Name",),
    ("events", "rule-on-custom-event-bus"): ("Name", "Rule"),
    ("events", "rule-on-default-event-bus"): ("Name", "Rule"),
    ("iam", "mfa"): ("SerialNumber", "VirtualMFADeviceName"),
    ("iam", "saml-provider"): ("SAMLProviderArn", "Name"),
    ("lambda", "layerVersion"): ("VersionNumber",),
    ("logs", "delivery"): ("id",),
    ("logs", "delivery-destination"): ("name", "deliveryDestinationName", "deliveryDestinationArn"),
    ("logs", "delivery-source"): ("name", "deliverySourceName"),
    ("logs", "log-group"): ("logGroupIdentifiers", "logGroupNames"),
    ("sagemaker", "data-quality-job-definition"): ("JobDefinitionName",),
    ("sagemaker", "model-bias-job-definition"): ("JobDefinitionName",),
    ("sagemaker", "model-explainability-job-definition"): ("JobDefinitionName",),
    ("sagemaker", "model-quality-job-definition"): ("JobDefinitionName",),
    ("sagemaker", "domain"): ("DomainId",),
    ("scheduler", "schedule"): ("Name",),
    ("scheduler", "schedule-group"): ("Name",),
    ("ssm", "document"): ("Name", "DocumentName"),
    ("ssm", "maintenancewindow"): ("WindowId",),
    ("ssm", "patchbaseline"): ("BaselineId",),
}
# The types of EC2's ids in CreateTags and DeleteTags, by what an id begins with.
EC2_IDS = {
    "ami": "image",
    "dopt": "dhcp-options",
    "eipalloc": "elastic-ip",
    "eni": "network-interface",
    "fl": "vpc-flow-log",
    "i": "instance",
    "igw": "internet-gateway",
    "lt": "launch-template",
    "nat": "natgateway",
    "pl": "prefix-list",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "snap": "snapshot",
    "subnet": "subnet",
    "vol": "volume",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text())
    return table


def types_of(action: str) -> tuple[list[str], list[str]]:
    """Return the resource types that an action requires, and those that it may have.

    Parameters
    ----------
    action
        With IAM's prefix: ``ec2:CreateSubnet``.
    """
    prefix, _, name = action.partition(":")
    required, optional = _table().get(prefix, {}).get("actions", {}).get(name, ([], []))
    return required, optional


def bound_resources(action: str, request: ApiRequest) -> list[str]:
    """Return the ARNs of the resources of an action that a call's parameters name.

    Of a required type that no parameter names, e.g. of what is to be created, every resource is required;
    where AWS has no resource type, the list is empty.
    """
    prefix = action.partition(":")[0]
    required, optional = types_of(action)
    if prefix == "ec2" and request.operation in ("CreateTags", "DeleteTags"):
        return list(_tagged(request))
    if action == "events:PutEvents":
        return list(dict.fromkeys(_buses(request)))
    parameters = _parameters(prefix, request)
    arns: dict[str, None] = {}  # in this order, each once
    used: set[str] = set()
    for kind in (*required, *optional):
        found = list(_named(prefix, kind, parameters, request, used))
        if not found and kind in required:
            found = [_arn(_template(prefix, kind), {}, request)]
        arns.update(dict.fromkeys(found))
    return list(arns) or _named_by_arn(parameters)


def _parameters(prefix: str, request: ApiRequest) -> dict[str, Any]:
    """Return a call's parameters with names in lower case, and what AWS takes where they say nothing."""
    parameters = {name.lower(): value for name, value in request.parameters.items()}
    if prefix == "scheduler":
        parameters.setdefault("groupname", "default")
    if prefix == "ec2":  # an instance's place may be that of its network interfaces
        for interface in request.parameters.get("NetworkInterfaces") or []:
            parameters.setdefault("subnetid", interface.get("SubnetId"))
            parameters.setdefault("securitygroupids", interface.get("Groups"))
    return parameters


def _named_by_arn(parameters: dict[str, Any]) -> list[str]:
    """Return the ARN that a call names, of whatever type."""
    values = (value for name in ARNS for value in _texts(parameters.get(name)))
    return [value for value in values if value.startswith("arn:")]


def _named(
    prefix: str, kind: str, parameters: dict[str, Any], request: ApiRequest, used: set[str]
) -> Iterator[str]:
    """Yield the ARNs of the resources of one type; a parameter names resources of one type only."""
    template = _template(prefix, kind)
    pattern = _pattern(template)
    if kind.startswith("rule-on-") and _custom_bus(parameters) != (kind == "rule-on-custom-event-bus"):
        return
    names = _parameters_of(prefix, kind, template)
    if prefix == "ssm" and "resourcetype" in parameters:  # of a call about tags
        if kind.replace("-", "") != str(parameters["resourcetype"]).lower():
            return
        names = ("resourceid",)
    for name in (*names, *ARNS):
        for value in _texts(parameters.get(name)):
            if value.startswith("arn:"):
                if pattern.fullmatch(value):
                    yield value
            elif name in names and name not in used:
                yield _arn(template, {**parameters, LAST: value}, request)
        if name in names and _texts(parameters.get(name)):
            used.add(name)
            return


def _custom_bus(parameters: dict[str, Any]) -> bool:
    return str(parameters.get("eventbusname") or "default") != "default"


LAST = "*last"  # stands for the template's last variable, whose parameter may have another name


def _parameters_of(prefix: str, kind: str, template: str) -> tuple[str, ...]:
    """Return the parameters that may name a resource of a type, in lower case."""
    own = PARAMETERS.get((prefix, kind))
    if own:
        return tuple(name.lower() for name in own)
    variables = _variables(template)
    if not variables:
        return ()
    noun, last = kind.replace("-", "").lower(), variables[-1].lower()
    stem = last.removesuffix("name").removesuffix("id")
    nouns = (noun + ending for ending in ("id", "ids", "name", "arn"))
    ways = (last, f"{last}s", f"{stem}ids", f"{stem}arn", *nouns, stem)
    return tuple(dict.fromkeys(way for way in ways if way))


def _tagged(request: ApiRequest) -> Iterator[str]:
    for identifier in _texts(request.parameters.get("Resources")):
        kind = EC2_IDS.get(identifier.partition("-")[0])
        template = _template("ec2", kind) if kind else "arn:${Partition}:ec2:${Region}:${Account}:*/${Id}"
        yield _arn(template, {LAST: identifier}, request)


def _buses(request: ApiRequest) -> Iterator[str]:
    for entry in request.parameters.get("Entries") or []:
        name = entry.get("EventBusName") or "default"
        yield name if name.startswith("arn:") else request.arn(f"event-bus/{name}")


def _template(prefix: str, kind: str) -> str:
    return str(_table()[prefix]["types"][kind])


@lru_cache(maxsize=512)
def _pattern(template: str) -> re.Pattern[str]:
    parts = VARIABLE.split(template)[::2]
    return re.compile(".*".join(re.escape(part) for part in parts), re.DOTALL)


def _variables(template: str) -> list[str]:
    names = [variable["name"] for variable in VARIABLE.finditer(template)]
    return [name for name in names if name not in ("Partition", "Region", "Account")]


def _arn(template: str, values: dict[str, Any], request: ApiRequest) -> str:
    """Return a template's ARN; of a variable without a value, every value."""
    last = (_variables(template) or [""])[-1]
    known = {"Partition": "aws", "Region": request.region, "Account": request.account}

    def value_of(variable: re.Match[str]) -> str:
        name = variable["name"]
        if name in known:
            return known[name]
        value = values.get(LAST) if name == last and LAST in values else values.get(name.lower())
        return str(value) if isinstance(value, (str, int)) else "*"

    return VARIABLE.sub(value_of, template)


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(item) for item in values if isinstance(item, (str, int)) and not isinstance(item, bool)]
