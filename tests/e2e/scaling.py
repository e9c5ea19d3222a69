"""Load on an endpoint and the hours after it, on a clock that stands still between the steps."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kennel.aws import session
from kennel.localcloud.connection import administer

MINUTE = 60.0


@dataclass
class Scaled:
    """An endpoint's variant that Application Auto Scaling scales.

    Attributes
    ----------
    body
        Of every request.
    answers
        To all requests; one that fails is an error of the test.
    """

    endpoint: str
    variant: str
    body: bytes
    answers: list[bytes] = field(default_factory=list)

    @property
    def resource(self) -> str:
        """Its id for Application Auto Scaling."""
        return f"endpoint/{self.endpoint}/variant/{self.variant}"

    def ask(self) -> bytes:
        """Send a request and return the answer."""
        answer = session.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.endpoint, ContentType="image/png", Body=self.body
        )
        body: bytes = answer["Body"].read()
        return body

    def instances(self) -> int:
        """Return how many instances serve."""
        described = session.client("sagemaker").describe_endpoint(EndpointName=self.endpoint)
        count: int = described["ProductionVariants"][0]["CurrentInstanceCount"]
        return count

    def activities(self) -> list[dict[str, Any]]:
        """Return the scaling activities, the oldest first."""
        scaling: Any = session.client("application-autoscaling")
        activities: list[dict[str, Any]] = scaling.describe_scaling_activities(
            ServiceNamespace="sagemaker", ResourceId=self.resource
        )["ScalingActivities"]
        return activities[::-1]

    def alarms(self) -> dict[str, str]:
        """Return the states of the two alarms of target tracking: of AlarmHigh and AlarmLow."""
        cloudwatch: Any = session.client("cloudwatch")
        alarms = cloudwatch.describe_alarms(AlarmNamePrefix=f"TargetTracking-{self.resource}-")[
            "MetricAlarms"
        ]
        return {each["AlarmName"].split("Alarm")[1].split("-")[0]: each["StateValue"] for each in alarms}

    def minutes(self, requests: int, until: Callable[[], bool], most: int, *, moving: bool = False) -> int:
        """Let minutes pass with so many requests each until something holds; return how many passed.

        Parameters
        ----------
        moving
            Send the requests while the clock moves, and so while instances start and stop.
        """
        for passed in range(most + 1):
            if until():
                return passed
            with ThreadPoolExecutor(4) as pool:
                asked = [pool.submit(self.ask) for _ in range(requests)]
                if not moving:
                    wait(asked)
                advance(MINUTE)
            self.answers += [each.result() for each in asked]
        raise AssertionError(f"it does not hold after {most} minutes; activities: {self.activities()}")


@contextmanager
def driven() -> Iterator[None]:
    """Let the local cloud's clock stand still for the block, from five seconds after a full minute on."""
    now = administer(os.environ, "clock", speed=0)["time"]
    try:
        advance(MINUTE - now % MINUTE + 5)
        yield
    finally:
        administer(os.environ, "clock", speed=1)


def advance(seconds: float) -> None:
    """Move the clock of the local cloud; what becomes due meanwhile has run."""
    administer(os.environ, "clock", advance=seconds)
