"""The versions of what a rehearsal runs with."""

from __future__ import annotations

import platform
from importlib.metadata import version

from kennel.aws.infrastructure.terraform import Terraform
from kennel.version import VERSION


def of_python() -> dict[str, str]:
    """Return the versions of Kennel, Python and torch."""
    return {"kennel": VERSION, "python": platform.python_version(), "torch": version("torch")}


def of_terraform(terraform: Terraform) -> dict[str, str]:
    """Return the versions of Terraform and of its AWS provider."""
    versions = terraform.versions()
    return {"terraform": versions["terraform"], "provider": versions["hashicorp/aws"]}
