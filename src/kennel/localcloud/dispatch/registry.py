"""The registry: the function that handles each operation of a service, and each administrative path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.protocol.messages import Response

# A handler returns the operation's output by its member names, or the whole response.
OperationHandler = Callable[[Call], "dict[str, Any] | Response"]
AdminAction = Callable[[Cloud, Mapping[str, str]], Response]

_handlers: dict[tuple[str, str], OperationHandler] = {}
_admin_actions: dict[str, AdminAction] = {}


def operation(service: str, *names: str) -> Callable[[OperationHandler], OperationHandler]:
    """Register the decorated function as the handler of operations of a service.

    Parameters
    ----------
    service
        botocore's service name, e.g. ``sagemaker-runtime``.
    names
        botocore's operation names, e.g. ``InvokeEndpoint``.

    Raises
    ------
    ValueError
        Another function handles one of the operations already.
    """

    def register(handler: OperationHandler) -> OperationHandler:
        for name in names:
            other = _handlers.setdefault((service, name), handler)
            if other is not handler:
                raise ValueError(
                    f"{service}:{name} already has a handler: {other.__module__}.{other.__name__}"
                )
        return handler

    return register


def handler_of(service: str, name: str) -> OperationHandler | None:
    """Return the handler of an operation; None leaves it to moto."""
    return _handlers.get((service, name))


def admin_action(path: str) -> Callable[[AdminAction], AdminAction]:
    """Register the decorated function as the response to ``POST /_kennel/<path>``.

    Raises
    ------
    ValueError
        Another function responds on the path already.
    """

    def register(action: AdminAction) -> AdminAction:
        other = _admin_actions.setdefault(path, action)
        if other is not action:
            raise ValueError(f"/_kennel/{path} already has an action: {other.__module__}.{other.__name__}")
        return action

    return register


def admin_action_of(path: str) -> AdminAction | None:
    """Return the action of an administrative path, or None."""
    return _admin_actions.get(path)
