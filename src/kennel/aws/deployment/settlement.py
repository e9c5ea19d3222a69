"""What a killed or rolled-back deployment has left: the record is brought back to what is live.

A deployment settles this before it begins, with its lock held.
"""

from __future__ import annotations

from kennel.aws import Progress, StackError
from kennel.aws.deployment import deployment_record, live_endpoint, proof
from kennel.aws.deployment.deployment_record import DeploymentRecord
from kennel.aws.deployment.live_endpoint import LiveEndpoint
from kennel.aws.infrastructure.deploy_lock import DeployLock
from kennel.aws.infrastructure.stack import Stack


def settle(
    stack: Stack, abandoned: DeployLock | None, report: Progress
) -> tuple[DeploymentRecord, list[str]]:
    """Bring the record to what is live; return it, and a line for each thing that was found.

    Parameters
    ----------
    abandoned
        The lock of a deployment that was killed, if there was one.
    """
    record, live = deployment_record.read(stack), live_endpoint.settled(stack, report)
    if live is not None and live.status == "Failed":
        live_endpoint.delete(stack, report)
        live = None
    number = _number(stack, live)
    current = record.current.deployment if record.current else None
    if live is not None and number is None:
        return record, [f"{live.name} runs {live.configuration}, which no deployment made"]
    if number == current:
        return _proven(stack, record, report) if abandoned and record.current else (record, [])
    if number is None and abandoned is None:
        return record, [f"there is no endpoint, though deployment {current} is recorded"]
    return _returned(stack, record, number, f"deployment {current} is recorded, but is not live")


def _proven(stack: Stack, record: DeploymentRecord, report: Progress) -> tuple[DeploymentRecord, list[str]]:
    """Prove what a killed deployment made live; return to what was before if that fails."""
    assert record.current is not None, "what is proven is live"
    name = f"deployment {record.current.deployment} ({record.current.id})"
    try:
        proof.prove(stack, record.current, report)
    except StackError as error:
        before = record.previous.deployment if record.previous else None
        return _returned(stack, record, before, f"{name} is live, but {error}")
    return record, [f"{name} is live, and answers as it should"]


def _returned(
    stack: Stack, record: DeploymentRecord, number: int | None, cause: str
) -> tuple[DeploymentRecord, list[str]]:
    """Write the record that was written when a deployment was the current one."""
    earlier = deployment_record.serving(deployment_record.history(stack), number)
    if earlier is None:
        return record, [f"{cause}; the history no longer has deployment {number}"]
    earlier = earlier.with_number(record.deployment)
    deployment_record.write(stack, earlier)
    live = f"deployment {number}" if number is not None else "none"
    return earlier, [f"{cause}; the record returns to {live}"]


def _number(stack: Stack, live: LiveEndpoint | None) -> int | None:
    """Return the number of the deployment that an endpoint serves; None if it serves none."""
    if live is None or not live.serves:
        return None
    start, _, number = live.configuration.rpartition("-deployment-")
    return int(number) if start == stack["name"] and number.isdecimal() else None
