"""moto's base class of all records: it keeps a reference to every record that it ever created."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.moto_adapter.patching import replace


def apply() -> None:
    """Track no instances: only moto's dashboard lists them, and emptied buckets would stay in memory."""
    from moto.core.common_models import BaseModel

    def new(cls: type[Any], *arguments: Any, **named: Any) -> Any:
        return object.__new__(cls)

    replace(BaseModel, "__new__", staticmethod(new))
