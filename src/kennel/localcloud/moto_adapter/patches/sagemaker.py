"""SageMaker: moto knows the instance types of 2020; botocore's model lists those of today."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.moto_adapter.instance_types import check_instance_type
from kennel.localcloud.moto_adapter.patching import replace


def apply() -> None:
    """Let moto accept the instance types of today."""
    from moto.sagemaker.models import FakeEndpointConfig, FakeSagemakerNotebookInstance

    def validate_hosting_type(self: Any, instance_type: str) -> None:
        check_instance_type(instance_type, "ProductionVariantInstanceType", "instanceType")

    def validate_notebook_type(self: Any, instance_type: str) -> None:
        check_instance_type(instance_type, "InstanceType", "instanceType")

    replace(FakeEndpointConfig, "validate_instance_type", validate_hosting_type)
    replace(FakeSagemakerNotebookInstance, "validate_instance_type", validate_notebook_type)
