"""The time that moto's services write into their records, and by which they refuse events of logs."""

from __future__ import annotations

import datetime
from importlib import import_module
from types import SimpleNamespace

from kennel.localcloud.clock import Clock
from kennel.localcloud.moto_adapter import aging

# Not sts, iam and s3: what is signed, and what credentials end by, stays on the wall's clock.
UTCNOW = ("autoscaling", "awslambda", "cloudwatch", "logs", "sagemaker", "secretsmanager")
TIME = ("applicationautoscaling", "secretsmanager")


def follow(clock: Clock) -> None:
    """Let the services that take part in the cloud's time take it from its clock."""

    def utcnow() -> datetime.datetime:
        return clock.now().replace(tzinfo=None)  # as moto's own

    for service in UTCNOW:
        vars(import_module(f"moto.{service}.models"))["utcnow"] = utcnow
    # What delays and hides messages; how long a receiver waits for them stays on the wall's clock.
    vars(import_module("moto.sqs.models"))["unix_time_millis"] = lambda: clock.time() * 1000
    aging.note_times(clock)
    for service in TIME:  # they use nothing else of the module
        vars(import_module(f"moto.{service}.models"))["time"] = SimpleNamespace(time=clock.time)
