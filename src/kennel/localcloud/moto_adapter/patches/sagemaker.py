"""SageMaker's instance types.

moto refuses endpoint configurations and notebook instances of a type that is not in its own lists, which end
in 2020. Patched, it takes those in botocore's model.
"""

from __future__ import annotations

from typing import Any

from kennel.localcloud.moto_adapter.instance_types import check_instance_type
from kennel.localcloud.moto_adapter.patching import replace


def apply() -> None:
    """Let moto accept the instance types in botocore's model."""
    from moto.sagemaker.models import FakeEndpointConfig, FakeSagemakerNotebookInstance

    def validate_hosting_type(self: Any, instance_type: str) -> None:
        check_instance_type(instance_type, "ProductionVariantInstanceType", "instanceType")

    def validate_notebook_type(self: Any, instance_type: str) -> None:
        check_instance_type(instance_type, "InstanceType", "instanceType")

    replace(FakeEndpointConfig, "validate_instance_type", validate_hosting_type)
    replace(FakeSagemakerNotebookInstance, "validate_instance_type", validate_notebook_type)
