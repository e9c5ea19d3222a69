"""What the stack runs on: the image of a training job, and the workbench, which may be switched off."""

from __future__ import annotations

import re
from typing import Any

from kennel.aws import StackError
from kennel.aws.infrastructure.stack import Stack

_NAMES = {"notebook": "notebook instance", "training_host": "EC2 host"}


def training_image(stack: Stack, instance_type: str) -> str:
    """Return the image with which a training job runs on an instance type: with CUDA if it has a GPU."""
    images = stack["training_images"]
    accelerator = "gpu" if re.match(images["gpu_instance_types"], instance_type) else "cpu"
    return str(images["by_accelerator"][accelerator])


def workbench(stack: Stack, variable: str) -> dict[str, Any]:
    """Return the output of the stack's ``notebook`` or ``training_host``.

    Raises
    ------
    StackError
        It is switched off; the text says how to switch it on.
    """
    # Terraform leaves out an output that is null.
    output: dict[str, Any] | None = stack.outputs.get(variable)
    if output is None:
        environment = stack["name"].rpartition("-")[2]
        raise StackError(
            f"the {_NAMES[variable]} of {stack['name']} is switched off: "
            f"set {variable} = {{ enabled = true }} in terraform/environments/{environment}.tfvars, "
            f"then run ./kennel stack.apply --env {environment}"
        )
    return output
