"""An endpoint with its configuration and its model, all three of one name: comes up, and is deleted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from kennel.aws import Progress, StackError, session, silent

READY_SECONDS = 1200.0  # SageMaker takes five to ten minutes for an instance
FIRST_WAIT_SECONDS = 0.5  # between two questions for the status; later ones are up to ten seconds apart


def delete(name: str, report: Progress = silent) -> bool:
    """Delete an endpoint with its configuration and its model; return whether there was any of them.

    Raises
    ------
    StackError
        SageMaker does not delete it; it is billed until it is deleted.
    """
    sagemaker = session.client("sagemaker")
    started, reported = time.monotonic(), ""
    while (status := status_of(name)) is not None:
        if status != reported:
            report(f"{name} is {status}, and is to be deleted")
            reported = status
        if status != "Deleting":  # refused as long as the endpoint is being created
            _unless_absent(lambda: sagemaker.delete_endpoint(EndpointName=name))
        if time.monotonic() - started > READY_SECONDS:
            raise StackError(f"{name} is still {status}: delete it in SageMaker, it is billed until then")
        time.sleep(FIRST_WAIT_SECONDS)
    configured = _unless_absent(lambda: sagemaker.delete_endpoint_config(EndpointConfigName=name))
    modelled = _unless_absent(lambda: sagemaker.delete_model(ModelName=name))
    return bool(reported) or configured or modelled


def status_of(name: str) -> str | None:
    """Return an endpoint's status; None if there is no such endpoint."""
    from botocore.exceptions import ClientError

    try:
        described = session.client("sagemaker").describe_endpoint(EndpointName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        return None
    return str(described["EndpointStatus"])


def wait_until_ready(name: str, report: Progress) -> None:
    """Wait until an endpoint is in service.

    Raises
    ------
    StackError
        It failed, or took too long; the text has SageMaker's reason.
    """
    started, reported = time.monotonic(), ""
    while True:
        described = session.client("sagemaker").describe_endpoint(EndpointName=name)
        status = described["EndpointStatus"]
        if status != reported:
            report(f"{name}: {status}")
            reported = status
        if status == "InService":
            return
        if status == "Failed":
            reason = " ".join(described.get("FailureReason", "no reason given").split())
            raise StackError(f"{name} failed: {reason}")
        waited = time.monotonic() - started
        if waited > READY_SECONDS:
            raise StackError(f"{name} is still {status} after {waited / 60:.0f} minutes")
        time.sleep(min(10.0, FIRST_WAIT_SECONDS + waited / 20))


def _unless_absent(remove: Callable[[], Any]) -> bool:
    """Remove something; return whether SageMaker did."""
    from botocore.exceptions import ClientError

    try:
        remove()
    except ClientError as error:
        # SageMaker's code for what does not exist and for what cannot be deleted yet.
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        return False
    return True
