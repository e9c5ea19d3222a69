"""What of a plan belongs to a release: a deployment must not carry along what somebody else has changed."""

from __future__ import annotations

from kennel.aws import StackError
from kennel.aws.infrastructure.changes import Changes

# Beginnings of the addresses that a deployment creates, changes or removes.
OF_A_RELEASE = (
    "module.endpoint[",
    "module.autoscaling[",
    'module.observability.aws_cloudwatch_metric_alarm.this["endpoint-',  # there are none without an endpoint
)


def beyond(changes: Changes) -> list[str]:
    """Return the changes that are not a release's, as ``ACTION ADDRESS``."""
    return [
        f"{change.action} {change.address}"
        for change in changes.sorted
        if change.action not in ("read", "no-op") and not change.address.startswith(OF_A_RELEASE)
    ]


def require_nothing_beyond(changes: Changes) -> None:
    """Refuse a plan that changes more than a release.

    Raises
    ------
    StackError
        It does; the text names what, and the ways to go on.
    """
    if others := beyond(changes):
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        raise StackError(
            f"the plan changes more than the release: {', '.join(others[:3])}{more}; "
            "see them with ./kennel stack.plan, apply them first with ./kennel stack.apply, or add --yes"
        )
