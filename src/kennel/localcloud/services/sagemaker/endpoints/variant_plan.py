"""A production variant as an endpoint configuration states it, resolved."""

from __future__ import annotations

from dataclasses import dataclass

SERVICE, SESSION = "sagemaker.amazonaws.com", "SageMaker"
STARTUP_SECONDS = 480.0  # the health check's limit on AWS
LONGEST_REASON = 1024
RANDOM, LEAST_OUTSTANDING = "RANDOM", "LEAST_OUTSTANDING_REQUESTS"


class FleetError(Exception):
    """The fleet did not come up; the text is the endpoint's FailureReason."""


@dataclass(frozen=True)
class ServerlessPlan:
    """A variant without instances of its own: memory, concurrent requests at most, and those kept ready."""

    memory: int  # MB
    concurrency: int
    provisioned: int = 0

    @property
    def config(self) -> dict[str, int]:
        """The variant's ServerlessConfig, as DescribeEndpoint shows it."""
        kept = {"ProvisionedConcurrency": self.provisioned} if self.provisioned else {}
        return {"MemorySizeInMB": self.memory, "MaxConcurrency": self.concurrency, **kept}


@dataclass(frozen=True)
class VariantPlan:
    """A production variant as configured, with its model.

    Attributes
    ----------
    routing
        How a request finds an instance: a RoutingStrategy of AWS's.
    serverless
        None for a variant of instances.
    shadow
        Whether it gets copies of requests only, and its answers go nowhere.
    log_group
        Where the output of its servers goes; empty for the endpoint's own.
    """

    name: str
    count: int
    weight: float
    startup_seconds: float
    role: str
    image: str
    instance_type: str
    data_url: str
    compressed: bool
    variables: dict[str, str]
    isolated: bool = False
    routing: str = RANDOM
    serverless: ServerlessPlan | None = None
    shadow: bool = False
    log_group: str = ""
