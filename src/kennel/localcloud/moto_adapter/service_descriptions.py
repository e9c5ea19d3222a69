"""botocore's descriptions of the services: their regions, which moto asks for, and paths of operations."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import botocore.session


def read_once() -> None:
    """Let all sessions of this process share one reader: each would read the descriptions anew.

    moto makes a session wherever it needs a list of regions, which takes 0.15 s of a processor each time.
    Call it before moto is imported.
    """
    botocore.session.create_loader = functools.cache(botocore.session.create_loader)


def method_and_path(service: str, operation: str, parameters: Mapping[str, Any]) -> tuple[str, str]:
    """Return the HTTP method and the path, without its query, of a call of a REST service."""
    from moto.core.utils import get_service_model

    model = get_service_model(service).operation_model(operation)
    path = model.http["requestUri"].partition("?")[0]
    for name, member in model.input_shape.members.items() if model.input_shape else ():
        if member.serialization.get("location") == "uri":
            label = member.serialization["name"]
            path = path.replace(f"{{{label}}}", str(parameters.get(name, "*")))
    return model.http["method"], path
