"""Defaults of the stack's Terraform variables, read from their declarations."""

from __future__ import annotations

import re
from pathlib import Path

from kennel.aws import StackError

_VARIABLE = re.compile(r'^variable "(?P<name>\w+)" \{\n(?P<body>.*?)^\}', re.MULTILINE | re.DOTALL)
_VALUE = re.compile(r'^  (\w+) += "?([\w.]+)"?$', re.MULTILINE)
_OPTIONAL = re.compile(r"^ +(?P<name>\w+) += optional\(\w+, (?P<value>[^)]+)\)", re.MULTILINE)


def of_object(terraform: Path, variable: str) -> dict[str, str]:
    """Return the defaults of a variable whose type is an object: ``{"max_instances": "4", …}``.

    Parameters
    ----------
    terraform
        The root module.

    Raises
    ------
    StackError
        No file of the module declares the variable, or it has no defaults.
    """
    for path in sorted(terraform.glob("*.tf")):
        for declared in _VARIABLE.finditer(path.read_text(encoding="utf-8")):
            defaults = {
                each["name"]: each["value"].strip('"') for each in _OPTIONAL.finditer(declared["body"])
            }
            if declared["name"] == variable and defaults:
                return defaults
    raise StackError(
        f"no file of {terraform} declares defaults of the variable {variable}: restore variables_serving.tf"
    )


def of_environment(terraform: Path, environment: str, variable: str) -> dict[str, str]:
    """Return the plain values that an environment's settings give members of an object variable."""
    text = (terraform / "environments" / f"{environment}.tfvars").read_text(encoding="utf-8")
    block = re.search(rf"^{variable} = \{{\n(?P<body>.*?)^\}}", text, re.MULTILINE | re.DOTALL)
    return dict(_VALUE.findall(block["body"])) if block else {}
