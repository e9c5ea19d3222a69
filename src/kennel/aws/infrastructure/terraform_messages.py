"""Terraform's errors in one line, with what to do."""

from __future__ import annotations

import re
import signal
from typing import Any

# What Terraform says of a lock on the state, in one line.
LOCK = re.compile(
    r"Lock Info: ID: (?P<id>\S+) .*Operation: (?P<operation>\S*) Who: (?P<who>\S+) "
    r".*Created: (?P<created>\S+ [\d:]+)"
)
# What Terraform says of a plan that destroys or replaces the key or a bucket of a protected environment.
PROTECTION = re.compile(r"terraform_data\.protection\b.*\blifecycle\.prevent_destroy\b", re.DOTALL)
PROTECTED = (
    "this would destroy or replace the stack's key or a bucket, which are protected (storage.protected); "
    'nothing was changed; docs/terraform.md, "Removing prod", says how it is done'
)
EXISTS = re.compile("already ?exists", re.IGNORECASE)
EXISTS_REMEDY = (
    "run the same command again: it adopts what an apply that was cut off has created; what has other tags "
    "is not this stack's: rename it, or bring it into the state (terraform import)"
)


def remedies(failures: list[str]) -> list[str]:
    """Return what to do about failures, where Terraform does not say it."""
    return [EXISTS_REMEDY] if any(EXISTS.search(failure) for failure in failures) else []


def killed(number: int) -> str:
    """Return what a signal that ended Terraform means."""
    name = signal.Signals(number).name
    return (
        f"it was ended by {name}, signal {number}: run the same command again, which goes on where it ended"
    )


def plain(error_text: str) -> str:
    """Return the text after the first ``Error:`` in Terraform's boxed output, in one line."""
    words = error_text.translate(str.maketrans("│╷╵", "   "))
    return " ".join(words[max(words.find("Error: "), 0) :].removeprefix("Error: ").split())


def sentence(diagnostic: dict[str, Any]) -> str:
    """Return ``ADDRESS OR FILE: SUMMARY: DETAIL`` in one line; for a locked state, who holds it."""
    if PROTECTION.search(diagnostic.get("detail") or ""):
        return PROTECTED
    where = diagnostic.get("address") or (diagnostic.get("range") or {}).get("filename")
    detail = " ".join((diagnostic.get("detail") or "").split())
    if (lock := LOCK.search(detail)) and "state lock" in diagnostic["summary"]:
        operation = lock["operation"].removeprefix("OperationType").lower()
        return (
            f"the state is locked by {operation or 'an operation'} of {lock['who']} since {lock['created']}: "
            f"wait for its end; if it was killed, free the lock with ./kennel stack.unlock {lock['id']}"
        )
    return ": ".join(part for part in (where, diagnostic["summary"], detail) if part)
