"""The registry: one handler for each operation, one action for each administrative path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from kennel.localcloud.dispatch import registry
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.protocol.messages import Response


@pytest.fixture(autouse=True)
def _empty_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_handlers", {})
    monkeypatch.setattr(registry, "_admin_actions", {})


def list_models(call: Call) -> dict[str, Any]:
    return {"Models": []}


def list_all_models(call: Call) -> dict[str, Any]:
    return {"Models": [{}]}


def test_a_handler_is_found_by_service_and_operation() -> None:
    registry.operation("sagemaker", "ListModels", "DescribeModel")(list_models)
    assert registry.handler_of("sagemaker", "ListModels") is list_models
    assert registry.handler_of("lambda", "ListModels") is None
    assert registry.handler_of("sagemaker", "DescribeModel") is list_models


def test_a_second_handler_of_an_operation_is_refused() -> None:
    registry.operation("sagemaker", "ListModels")(list_models)
    with pytest.raises(ValueError, match=r"sagemaker:ListModels already has a handler: .*list_models"):
        registry.operation("sagemaker", "CreateModel", "ListModels")(list_all_models)
    assert registry.handler_of("sagemaker", "ListModels") is list_models


def test_a_second_action_of_a_path_is_refused() -> None:
    def interrupt(cloud: Cloud, query: Mapping[str, str]) -> Response:
        return Response(200, [], b"")

    def stop(cloud: Cloud, query: Mapping[str, str]) -> Response:
        return Response(200, [], b"")

    registry.admin_action("interrupt")(interrupt)
    assert registry.admin_action_of("interrupt") is interrupt
    with pytest.raises(ValueError, match=r"/_kennel/interrupt already has an action: .*interrupt"):
        registry.admin_action("interrupt")(stop)
