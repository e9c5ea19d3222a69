"""What the local cloud answers, and what each operation is checked on when it has every parameter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import moto
from botocore import xform_name
from botocore.model import Shape
from botocore.session import get_session

from kennel.localcloud.authorization import resource_types
from kennel.localcloud.authorization.action_names import action_name
from kennel.localcloud.authorization.context import request_context, s3_context
from kennel.localcloud.authorization.permission import RequiredPermission
from kennel.localcloud.authorization.required_permissions import required_permissions
from kennel.localcloud.dispatch.registry import handler_of
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.protocol.service_names import service_of
from kennel.localcloud.services import register

ACCOUNT = "123456789012"
DEEPEST = 4  # members of members that are filled
SESSION = Principal("role", f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/session", account=ACCOUNT)
MODELS = get_session()
MOTO = Path(moto.__file__).parent
# AWS's services by IAM's prefix, with their "actions", "types" and condition "keys".
AWS = json.loads(Path(resource_types.__file__).with_suffix(".json").read_text(encoding="utf-8"))
# botocore's services whose name is not that of moto's module, hyphens apart.
MODULES = {"lambda": "awslambda"}
# Services that the gateway tells from another of the same signing name by the request's path.
BY_PATH = ("sagemaker-runtime", "sagemaker-metrics", "s3control")
# Parameters that hold an ARN although their names do not end in "arn".
ARN_NAMES = ("resource", "resourceid", "resourcename", "resourceidlist", "resourcearns", "resourcearnlist")


@lru_cache(maxsize=1)
def services() -> tuple[str, ...]:
    """Return botocore's names of the services that the local cloud answers."""
    return tuple(name for name in MODELS.get_available_services() if _answers(name))


def _answers(service: str) -> bool:
    if not (MOTO / _module(service)).is_dir() or not list((MOTO / _module(service)).glob("responses*")):
        return False
    signing = MODELS.get_service_model(service).signing_name
    return service in BY_PATH or service_of(signing, {}) == service


def _module(service: str) -> str:
    return MODULES.get(service, service.replace("-", ""))


@lru_cache(maxsize=256)
def answered(service: str) -> tuple[str, ...]:
    """Return the operations of a service that the local cloud or moto answers."""
    register()
    responses = vars(import_module(f"moto.{_module(service)}.responses")).values()
    names = {
        name
        for item in responses
        if isinstance(item, type)
        for base in item.__mro__
        if base is not object and base.__module__ != "moto.core.responses"
        for name in vars(base)
    }
    operations = MODELS.get_service_model(service).operation_names
    return tuple(name for name in operations if handler_of(service, name) or xform_name(name) in names)


def filled(shape: Shape | None, arn: str, depth: int = 0) -> Any:
    """Return parameters with every member of a request, and an ARN where one is expected."""
    if shape is None:
        return {}
    if shape.type_name == "structure":
        if depth >= DEEPEST:
            return {}
        return {name: _member(name, member, arn, depth) for name, member in shape.members.items()}
    if shape.type_name == "list":
        return [filled(shape.member, arn, depth + 1)] if depth < DEEPEST else []
    if shape.type_name == "map":
        return {"key": filled(shape.value, arn, depth + 1)} if depth < DEEPEST else {}
    return {"integer": 1, "long": 1, "boolean": True, "blob": b"x"}.get(shape.type_name, "x")


def _member(name: str, shape: Shape, arn: str, depth: int) -> Any:
    if name == "CopySource":
        return "bucket/key"
    if name.lower().endswith("arn") or name.lower() in ARN_NAMES:
        return [arn] if shape.type_name == "list" else arn
    return filled(shape, arn, depth + 1)


@dataclass(frozen=True)
class Checked:
    """An operation, and what its call with every parameter requires.

    Attributes
    ----------
    resources
        What the operation's own action is checked on, whatever the type of its ARNs.
    types
        The resource types that AWS has for the action.
    """

    operation: str
    action: str
    resources: tuple[str, ...]
    types: tuple[str, ...]
    permissions: tuple[RequiredPermission, ...]

    @property
    def on_everything(self) -> bool:
        """Whether the operation is checked on ``*``."""
        return "*" in self.resources


@lru_cache(maxsize=256)
def survey(service: str) -> tuple[Checked, ...]:
    """Return what each operation of a service is checked on, except those that require no permission."""
    return tuple(checked for name in answered(service) if (checked := _checked(service, name)))


def _checked(service: str, operation: str) -> Checked | None:
    """Return what an operation is checked on, in calls whose ARNs are of each type that AWS has for it."""
    shape = MODELS.get_service_model(service).operation_model(operation).input_shape
    calls = [
        required_permissions(request_of(service, operation, filled(shape, arn)))
        for arn in _arns(service, operation)
    ]
    if not calls[0]:
        return None
    action = calls[0][0].action
    types = tuple(name for names in resource_types.types_of(action) for name in names)
    checked_on = [tuple(item.resource for item in call if item.action == action) for call in calls]
    specific = [resources for resources in checked_on if "*" not in resources]
    resources = tuple(dict.fromkeys(arn for resources in specific or checked_on[:1] for arn in resources))
    return Checked(operation, action, resources, types, tuple(calls[-1]))


def _arns(service: str, operation: str) -> Iterator[str]:
    """Yield an ARN of each type that AWS has for an operation, then one of no type in particular."""
    action = action_name(service, operation)
    templates = resource_types.arn_templates(action.partition(":")[0])
    for names in resource_types.types_of(action):
        yield from (resource_types.VARIABLE.sub("x", templates[name]) for name in names)
    yield f"arn:aws:x:us-east-1:{ACCOUNT}:x/x"


def request_of(service: str, operation: str, parameters: dict[str, Any]) -> ApiRequest:
    return ApiRequest(service, operation, SESSION, parameters)


def condition_keys(service: str) -> set[str]:
    """Return the condition keys, in lower case, of a service's calls that have every parameter."""
    keys: set[str] = set()
    for checked in survey(service):
        shape = MODELS.get_service_model(service).operation_model(checked.operation).input_shape
        request = request_of(service, checked.operation, filled(shape, f"arn:aws:x:us-east-1:{ACCOUNT}:x/x"))
        keys |= set(request_context(request))
        keys |= set(s3_context(request)) if service == "s3" else set()
        keys |= {key for permission in checked.permissions for key in permission.context}
    return keys
