"""Audits: what tools and the project's own rules say of the code and of the account."""

from __future__ import annotations

from kennel.errors import KennelError


class AuditError(KennelError):
    """An audit could not be carried out, so it says nothing about what it should have looked at."""
