"""Authorisation of one call: every action that it implies, on every resource that it touches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kennel.localcloud.call import AwsError

if TYPE_CHECKING:
    from kennel.localcloud.call import Call


@dataclass(frozen=True)
class Decision:
    """The verdict on one action and resource: ``allow``, ``deny`` or ``unrestricted``, and why."""

    action: str
    resource: str
    verdict: str
    reason: str


def authorise(call: Call) -> list[Decision]:
    """Decide a call.

    Returns
    -------
    One decision for each action and resource; it stops at the first denial.
    """
    return [Decision(f"{call.service}:{call.operation}", "*", "unrestricted", "not evaluated")]


def denial(call: Call, decision: Decision) -> AwsError:
    """The error that AWS answers a denied call with."""
    return AwsError("AccessDenied", f"{decision.action} on {decision.resource}", 403)
