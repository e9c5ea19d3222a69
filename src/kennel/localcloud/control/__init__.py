"""The control plane: what moto lacks or gets wrong, one file per AWS service."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kennel.localcloud.cloud import Cloud


def prepare(cloud: Cloud) -> None:
    """Register every operation, mend moto's classes, and seed what AWS itself owns in an account."""
