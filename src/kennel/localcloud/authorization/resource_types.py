"""The resources of calls without a rule of their own: AWS's resource types, bound to the calls' parameters.

``resource_types.json`` holds, from the Service Authorization Reference, the ARN template of each resource
type, and the types of each action. A type is bound to the parameter that has the name of the template's last
variable, or one of `resource_parameters`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from kennel.localcloud.authorization.resource_parameters import ARNS, EC2_IDS, PARAMETERS
from kennel.localcloud.dispatch.request import ApiRequest

ID_PREFIX = re.compile(r"[a-z]{1,3}-")
VARIABLE = re.compile(r"\$\{(?P<name>\w+)\}")


@lru_cache(maxsize=1)
def _lines() -> dict[str, str]:
    """Return the JSON of each service, by IAM's prefix; each has a line of the file."""
    text = Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
    pairs = (line.rstrip(",").partition(": ") for line in text.splitlines() if line.startswith('"'))
    return {prefix.strip('"'): part for prefix, _, part in pairs}


@lru_cache(maxsize=32)
def _service(prefix: str) -> dict[str, Any]:
    part: dict[str, Any] = json.loads(_lines().get(prefix, '{"actions": {}, "keys": [], "types": {}}'))
    return part


def types_of(action: str) -> tuple[list[str], list[str]]:
    """Return the resource types that an action requires, and those that it may have.

    Parameters
    ----------
    action
        With IAM's prefix: ``ec2:CreateSubnet``.
    """
    prefix, _, name = action.partition(":")
    required, optional = _service(prefix)["actions"].get(name, ([], []))
    return required, optional


def arn_templates(prefix: str) -> dict[str, str]:
    """Return the ARN template of each resource type of a service."""
    templates: dict[str, str] = _service(prefix)["types"]
    return templates


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
    return list(arns) or _named_by_arn(parameters) or list(_only(prefix, optional, request))


def _only(prefix: str, kinds: list[str], request: ApiRequest) -> Iterator[str]:
    """Yield the resources of which an account has one only, e.g. its hub: no parameter names them."""
    for kind in kinds:
        template = _template(prefix, kind)
        if not _variables(template):
            yield _arn(template, {}, request)


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
    pattern, prefix_of_ids = _pattern(template), _id_prefix(template)
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
            elif name in names and name not in used and _may_be(value, prefix_of_ids):
                yield _arn(template, {**parameters, LAST: value.removeprefix(prefix_of_ids)}, request)
        if name in names and any(_may_be(value, prefix_of_ids) for value in _texts(parameters.get(name))):
            used.add(name)
            return


def _id_prefix(template: str) -> str:
    """Return what the ids of a type begin with, e.g. ``ou-`` where the template ends in ``ou-${Id}``."""
    before = re.split(r"[/:}]", template.rpartition("${")[0])[-1]
    return before if len(before) > 1 else ""


def _may_be(identifier: str, prefix: str) -> bool:
    """Return whether an id is of the type whose ids have a prefix: it has no other type's."""
    return identifier.startswith(prefix) or not ID_PREFIX.match(identifier)


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
    nouns = (noun + ending for ending in ("id", "ids", "name", "names", "arn", "arns", "s"))
    ways = (last, f"{last}s", f"{stem}ids", f"{stem}arn", *nouns, stem, f"{stem}s", f"{stem}identifier")
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
    return arn_templates(prefix)[kind]


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
        stem = name.lower().removesuffix("name").removesuffix("id")
        value = (
            values.get(LAST)
            if name == last and LAST in values
            else values.get(name.lower(), values.get(stem))
        )
        text = str(value) if isinstance(value, (str, int)) else "*"
        return text.rpartition("/")[2] if text.startswith("arn:") else text

    return VARIABLE.sub(value_of, template)


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(item) for item in values if isinstance(item, (str, int)) and not isinstance(item, bool)]
