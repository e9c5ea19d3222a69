"""The data plane: training jobs that train, endpoints that serve, functions that run, on this machine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kennel.localcloud.cloud import Cloud

OPERATIONS = (
    "endpoints.invocation",
    "endpoints.operations",
    "functions.operations",
    "hosts.instances",
    "hosts.run_command",
    "training.operations",
    "tuning.operations",
)


def prepare(cloud: Cloud) -> None:
    """Register the operations that really run something, and what runs without being asked."""
    for room in OPERATIONS:  # imported for their handlers, which register themselves
        import_module(f"kennel.localcloud.plane.{room}")
    from kennel.localcloud.plane.functions.provisioned import keep_provisioned
    from kennel.localcloud.plane.functions.triggers import run_triggered
    from kennel.localcloud.plane.training.spot import reclaim

    cloud.state("admin")["spot/reclaim"] = reclaim
    keep_provisioned(cloud)
    run_triggered(cloud)
