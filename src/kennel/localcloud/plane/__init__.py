"""The data plane: training jobs that train, endpoints that serve, functions that run, on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kennel.localcloud.cloud import Cloud


def prepare(cloud: Cloud) -> None:
    """Register the operations that really run something, and what runs without being asked."""
    # Imported for their handlers, which register themselves.
    from kennel.localcloud.plane import (  # noqa: F401
        ec2_instances,
        endpoint,
        function,
        invocation,
        run_command,
        training,
        tuning,
    )
    from kennel.localcloud.plane.provisioned import keep_provisioned
    from kennel.localcloud.plane.spot import reclaim
    from kennel.localcloud.plane.triggers import run_triggered

    cloud.state("admin")["spot/reclaim"] = reclaim
    keep_provisioned(cloud)
    run_triggered(cloud)
