"""The control plane: what moto lacks or gets wrong, one file per AWS service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kennel.localcloud.control import sts

if TYPE_CHECKING:
    from kennel.localcloud.cloud import Cloud

SERVICES = (sts,)


def prepare(cloud: Cloud) -> None:
    """Mend moto's classes, and seed what AWS itself owns in every account.

    Importing a service's file registers its operations; its ``mend`` and ``seed``, if any, run here.
    """
    for service in SERVICES:
        for step, arguments in (("mend", ()), ("seed", (cloud,))):
            action = getattr(service, step, None)
            if action:
                action(*arguments)
