"""The plan of a whole environment from nothing, with a release deployed: what it would be, before it is made.

It needs a cloud that answers Terraform's questions for account and images, no state and no stack. What the
settings leave open is filled in: a release, and the address for alarms that prod insists on.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kennel.aws import Progress, session, silent
from kennel.aws.infrastructure import stack
from kennel.aws.infrastructure.stateless_root import stateless
from kennel.aws.session import Workspace

# An override file of Terraform replaces what it names: here the record that the plan would read.
OVERRIDE = """locals {{
  record = {{
    deployment = 1
    previous   = null
    asleep     = {asleep}
    current = {{
      deployment     = 1
      digest         = "0"
      id             = "r-0"
      image          = local.inference_image
      instance_count = null
      instance_type  = null
      model_data_url = "s3://${{local.bucket_names.artifacts}}/releases/r-0/model.tar.gz"
    }}
  }}
}}
"""
ADDRESS = '  emails = ["somebody@example.com"]\n'


def plan(workspace: Workspace, *, asleep: bool = False, progress: Progress | None = None) -> dict[str, Any]:
    """Return the plan as Terraform's JSON document; nothing is created, and no state is read.

    Parameters
    ----------
    asleep
        Plan the environment as it is when it sleeps.
    """
    report = progress or silent
    stack.build(workspace)
    with stateless(workspace.terraform_directory) as root:
        override = OVERRIDE.format(asleep="{ stopped = [] }" if asleep else "null")
        (root / "hypothetical_override.tf").write_text(override, encoding="utf-8")
        (settings,) = stack.variable_files(workspace)
        variables = root / "hypothetical.tfvars"
        variables.write_text(with_address(Path(settings).read_text(encoding="utf-8")), encoding="utf-8")
        terraform = stack.terraform_of(workspace, progress, root, [variables])
        terraform.init({}, session.provider_mirror())
        saved = terraform.data_directory / "hypothetical.tfplan"
        report(f"planning {workspace.environment}{' asleep' if asleep else ''}")
        try:
            terraform.plan(out=saved, lock=False)
            return terraform.show(saved)
        finally:
            saved.unlink(missing_ok=True)


def with_address(settings: str) -> str:
    """Return the settings of an environment with an address for alarms, where they have none."""
    if re.search(r"^\s*emails\s*=", settings, re.MULTILINE):
        return settings
    block = re.compile(r"^observability\s*=\s*\{[ \t]*\n", re.MULTILINE)
    if block.search(settings):
        return block.sub(lambda match: match[0] + ADDRESS, settings)
    return f"{settings}\nobservability = {{\n{ADDRESS}}}\n"
