"""Audits of the Terraform code and of the account, by tools and by the project's own rules."""

from __future__ import annotations

from kennel.errors import KennelError


class AuditError(KennelError):
    """An audit could not run, so it has no result."""
