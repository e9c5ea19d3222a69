"""What guards a deployment in prod: alarms and deployment configuration, from a plan of the modules."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = ROOT / "terraform"
SHARED = ("images.json", "modules", "variables.tf", "variables_serving.tf")
LISTS = ("Alarms",)  # of the members of a deployment configuration; every other block occurs once


@dataclass(frozen=True)
class Guards:
    """What SageMaker is to watch, in the form of its API.

    Attributes
    ----------
    alarms
        Of the roll-back: requests of PutMetricAlarm.
    deployment
        The endpoint's DeploymentConfig.
    latency_limit
        Of the latency alarm, in microseconds.
    """

    alarms: list[dict[str, Any]]
    deployment: dict[str, Any]
    latency_limit: float


def planned(instances: int) -> Guards:
    """Plan the modules for a release of so many instances, and return what guards it.

    Raises
    ------
    subprocess.CalledProcessError
        Terraform failed; its own words are on standard error.
    """
    terraform = os.environ.get("KENNEL_TERRAFORM") or shutil.which("terraform") or "terraform"
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        (root / "main.tf").symlink_to(Path(__file__).with_name("root.tf"))
        for name in SHARED:
            (root / name).symlink_to(TERRAFORM / name)

        def run(*arguments: str) -> str:
            command = [terraform, f"-chdir={root}", *arguments]
            return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

        mirror = os.environ.get("KENNEL_PROVIDER_MIRROR")
        run("init", "-input=false", *([f"-plugin-dir={mirror}"] if mirror else []))
        run(
            "plan", "-input=false", "-out=plan", f"-var-file={TERRAFORM}/environments/prod.tfvars",
            f"-var=instances={instances}", '-var=observability={emails=["ops@example.com"]}',
        )  # fmt: skip
        document = json.loads(run("show", "-json", "plan"))
    modules = document["planned_values"]["root_module"]["child_modules"]
    resources = [resource for module in modules for resource in module["resources"]]
    (endpoint,) = (each["values"] for each in resources if each["type"] == "aws_sagemaker_endpoint")
    deployment = _members(endpoint["deployment_config"][0])
    names = {each["AlarmName"] for each in deployment["AutoRollbackConfiguration"]["Alarms"]}
    alarms = [_alarm(each["values"]) for each in resources if _name_of(each) in names]
    (limit,) = (alarm["Threshold"] for alarm in alarms if alarm["MetricName"] == "ModelLatency")
    return Guards(alarms, deployment, limit)


def _name_of(resource: dict[str, Any]) -> str | None:
    """Return the name of an alarm; None of anything else, which may have no values in a plan."""
    return (resource.get("values") or {}).get("alarm_name")


def _members(block: dict[str, Any]) -> dict[str, Any]:
    """Return a block of Terraform as the API's structure: what is not set is left out."""
    members = {}
    for name, value in block.items():
        member = _pascal(name)
        if isinstance(value, list):
            structures = [_members(each) for each in value]
            value = structures if member in LISTS else structures[0] if structures else None
        if value is not None:
            members[member] = value
    return members


def _alarm(values: dict[str, Any]) -> dict[str, Any]:
    """Return PutMetricAlarm's request without actions, of which SageMaker needs none."""
    plain = {name: value for name, value in values.items() if isinstance(value, str | int | float)}
    dimensions = [{"Name": name, "Value": value} for name, value in values["dimensions"].items()]
    return {**_members(plain), "Dimensions": dimensions}


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
