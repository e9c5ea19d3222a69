"""A request to an asynchronous endpoint, from its acceptance to its end."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kennel.localcloud.dispatch.cloud import Cloud


@dataclass(frozen=True)
class InferenceRequest:
    """A request that was accepted, with the locations that its caller was given."""

    inference_id: str
    parameters: Mapping[str, Any]
    output_location: str
    failure_location: str
    received: datetime
    expires: datetime
    seconds: float

    @classmethod
    def of(
        cls,
        parameters: Mapping[str, Any],
        output: Mapping[str, Any],
        now: datetime,
        seconds: float,
        time_to_live: float,
    ) -> InferenceRequest:
        """Return the request of a call.

        Parameters
        ----------
        parameters
            InvokeEndpointAsync's.
        output
            The endpoint's ``OutputConfig``.
        now, seconds, time_to_live
            When it came, how long its inference may take, and how long it may wait.
        """
        folder = output["S3OutputPath"].rstrip("/")
        if parameters.get("S3OutputPathExtension"):
            folder += f"/{parameters['S3OutputPathExtension'].strip('/')}"
        name = str(uuid.uuid4())
        failures = (output.get("S3FailurePath") or "").rstrip("/")
        return cls(
            parameters.get("InferenceId") or str(uuid.uuid4()),
            {name: value for name, value in parameters.items() if name != "Body"},
            f"{folder}/{parameters.get('Filename') or f'{name}.out'}",
            f"{failures}/{name}-error.out" if failures else "",
            now,
            now + timedelta(seconds=time_to_live),
            seconds,
        )


@dataclass(frozen=True)
class QueuedCall:
    """What of a call an inference needs once the call is over; see `ask_endpoint`."""

    cloud: Cloud
    parameters: Mapping[str, Any]

    @property
    def region(self) -> str:
        """The endpoint's region."""
        return self.cloud.region

    @property
    def account(self) -> str:
        """The endpoint's account."""
        return self.cloud.account

    def arn(self, resource: str, service: str) -> str:
        """Return the ARN of a resource of this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"
