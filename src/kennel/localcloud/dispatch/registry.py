"""Which function answers which operation of which service, and which one an administrative path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kennel.localcloud.protocol.messages import Response

if TYPE_CHECKING:
    from kennel.localcloud.dispatch.call import Call
    from kennel.localcloud.dispatch.cloud import Cloud

Handler = Callable[["Call"], "dict[str, Any] | Response"]
AdminAction = Callable[["Cloud", Mapping[str, str]], Response]

_handlers: dict[tuple[str, str], Handler] = {}
_admin_actions: dict[str, AdminAction] = {}


def operation(service: str, *names: str) -> Callable[[Handler], Handler]:
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

    def register(handler: Handler) -> Handler:
        for name in names:
            other = _handlers.setdefault((service, name), handler)
            if other is not handler:
                raise ValueError(
                    f"{service}:{name} already has a handler: {other.__module__}.{other.__name__}"
                )
        return handler

    return register


def handler_of(service: str, name: str) -> Handler | None:
    """Return the handler of an operation; None leaves it to moto."""
    return _handlers.get((service, name))


def operations() -> list[tuple[str, str]]:
    """Return every operation that has a handler here, as service and name."""
    return sorted(_handlers)


def admin_action(path: str) -> Callable[[AdminAction], AdminAction]:
    """Register the decorated function as the answer to ``POST /_kennel/<path>``.

    Raises
    ------
    ValueError
        The path is taken.
    """

    def register(action: AdminAction) -> AdminAction:
        if _admin_actions.setdefault(path, action) is not action:
            raise ValueError(f"/_kennel/{path} already has an action")
        return action

    return register


def admin_action_of(path: str) -> AdminAction | None:
    """Return the action of an administrative path, or None."""
    return _admin_actions.get(path)
