"""Application Auto Scaling after a restart."""

from __future__ import annotations

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.services.application_autoscaling import scaler, scheduled
from kennel.localcloud.services.application_autoscaling.state import scaling_of


def keep_scaling(cloud: Cloud) -> None:
    """Go on with what a snapshot held: run scheduled actions again, and watch what was under way."""
    scaling = scaling_of(cloud)
    for key in scaling.targets:
        scheduled.plan(cloud, key)
    for activity in list(scaling.activities):
        if activity.under_way and activity.capacity is not None:
            scaler.watch(cloud, activity)
