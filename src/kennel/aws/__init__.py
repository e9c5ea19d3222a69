"""Everything that calls AWS: session, Terraform, artifacts, training jobs, releases, predictions.

Nothing in this package distinguishes AWS from the local cloud: the SDKs and the Terraform provider read
the same environment variables for both.
"""

from __future__ import annotations

from collections.abc import Callable

from kennel.errors import KennelError

Progress = Callable[[str], None]  # receives one line about the work that is running

# Receives what is to be done, in one line, and what it concerns, in rows; returns whether to do it.
Approve = Callable[[str, list[tuple[str, str]]], bool]


def silent(line: str) -> None:
    """Discard a line of progress."""


class StackError(KennelError):
    """An operation on the stack, or on what it contains, failed."""
