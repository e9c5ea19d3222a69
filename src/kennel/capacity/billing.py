"""What serving a trace costs: instances, serverless environments, a function; the data that they receive."""

from __future__ import annotations

from dataclasses import dataclass

from kennel.capacity import CapacityError
from kennel.capacity.prices import price

KILOBYTES_A_GB = 1_000_000
MB_A_GB = 1024
FUNCTION_STEP = 0.001  # seconds: what Lambda and serverless endpoints round up to


@dataclass(frozen=True)
class Rates:
    """What is billed, and where.

    Parameters
    ----------
    instance_type
        Of the endpoint, ``ml.m5.large``.
    function_mb
        Memory of the function in front of an endpoint, which waits for the endpoint's answer.
    payload_kb
        Of a request, which the endpoint receives.
    """

    region: str
    instance_type: str
    function_mb: int
    payload_kb: float

    def check(self) -> None:
        """Look up what every way of serving needs, before anything is simulated.

        Raises
        ------
        CapacityError
            A price is not in the table, or unknown.
        """
        self.instances(1.0)
        self.data(1)
        self.function(1, 1.0)

    def instances(self, hours: float) -> float:
        """Return the dollars for instance-hours of an endpoint."""
        return hours * self._dollars("sagemaker", f"hosting/{self.instance_type}")

    def data(self, requests: int) -> float:
        """Return the dollars for what requests bring to an endpoint of instances."""
        return requests * self.payload_kb / KILOBYTES_A_GB * self._dollars("sagemaker", "hosting data")

    def serverless(self, requests: int, seconds: float, memory_gb: int) -> float:
        """Return the dollars for a serverless endpoint that worked for so many seconds, with the data."""
        computed = seconds * self._dollars("sagemaker", f"serverless/{memory_gb}GB")
        received = requests * self.payload_kb / KILOBYTES_A_GB
        return computed + received * self._dollars("sagemaker", "serverless data")

    def function(self, requests: int, seconds: float, memory_mb: int | None = None) -> float:
        """Return the dollars for a function's requests and the seconds for which they ran."""
        gb_seconds = seconds * (memory_mb or self.function_mb) / MB_A_GB
        duration = gb_seconds * self._dollars("lambda", "duration")
        return duration + requests * self._dollars("lambda", "request")

    def of_instances(self, requests: int, latency_seconds: float, hours: float) -> dict[str, float]:
        """Return the dollars of a day that an endpoint of instances served behind the function.

        Parameters
        ----------
        latency_seconds
            What the function waits for the endpoint's answers, of all requests.
        """
        return {
            "instances": self.instances(hours),
            "data": self.data(requests),
            "function": self._waiting(requests, latency_seconds),
        }

    def of_serverless(
        self, requests: int, latency_seconds: float, billed_seconds: float, memory_gb: int
    ) -> dict[str, float]:
        """Return the dollars of a day that a serverless endpoint served behind the function."""
        return {
            "serverless": self.serverless(requests, billed_seconds, memory_gb),
            "function": self._waiting(requests, latency_seconds),
        }

    def _waiting(self, requests: int, latency_seconds: float) -> float:
        return self.function(requests, latency_seconds + requests * FUNCTION_STEP / 2)  # each is rounded up

    def _dollars(self, service: str, item: str) -> float:
        known = price(self.region, service, item)
        if known.dollars is None:
            raise CapacityError(
                f"the price of {service} {item} in {self.region} is unknown ({known.source}): write it into "
                "src/kennel/capacity/prices.csv, or use another --instance-type"
            )
        return known.dollars
