"""An apply whose Terraform is killed, then one whose task is killed: the next one goes on.

`benchmarks/killed_runs.py` does the same at random points.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kennel.aws import StackError, session
from kennel.aws.infrastructure import operation_record, stack
from kennel.aws.session import Workspace

from .conftest import ROOT, TERRAFORM, Deployed

TAG = {"Name": "tag:Name", "Values": ["killed"]}
CONFIGURATION = """
terraform {
  backend "s3" { use_lockfile = true }
  required_providers { aws = { source = "hashicorp/aws" } }
}
variable "environment" { type = string }
variable "region" { type = string }
variable "s3_use_path_style" { type = bool }
provider "aws" {
  region            = var.region
  s3_use_path_style = var.s3_use_path_style
  default_tags { tags = { Project = "killed", Environment = var.environment, ManagedBy = "terraform" } }
}
resource "aws_vpc" "this" {
  cidr_block = "10.9.0.0/16"
  tags       = { Name = "killed" }
}
resource "aws_subnet" "this" {
  vpc_id     = aws_vpc.this.id
  cidr_block = "10.9.0.0/24"
  tags       = { Name = "killed" }
}
resource "aws_kms_key" "this" { # takes seconds, so that it is never complete when the task is killed
  description = aws_subnet.this.id
}
module "release" {
  source        = "./release"
  name          = "/killed/dev/release"
  registry_name = "killed"
}
output "record" { value = module.release.record }
output "vpc" { value = aws_vpc.this.id }
"""
TASK = """
import sys
from pathlib import Path
from kennel.aws.infrastructure import stack
from kennel.aws.session import Workspace

workspace = Workspace("dev", Path(sys.argv[1]), Path(sys.argv[2]))
report = lambda line: print(line, flush=True)
with stack.planned(workspace, report, approve=lambda question, rows: True) as plan:
    plan.apply(report)
"""


@pytest.fixture
def workspace(deployed: Deployed, tmp_path: Path) -> Workspace:
    """An environment of its own, with few resources, on the cloud of the other tests."""
    root = tmp_path / "root"
    (root / "terraform" / "environments").mkdir(parents=True)
    (root / "terraform" / "main.tf").write_text(CONFIGURATION)
    (root / "terraform" / "release").symlink_to(ROOT / "terraform" / "modules" / "release")
    (root / "terraform" / "environments" / "dev.tfvars").write_text('environment = "dev"\n')
    (root / "lambda").symlink_to(ROOT / "lambda")
    return Workspace("dev", tmp_path / "stack", root)


def apply(workspace: Workspace, report: Callable[[str], None]) -> None:
    with stack.planned(workspace, report, approve=lambda question, rows: True) as plan:
        plan.apply(report)


def test_a_killed_apply_is_run_again_and_leaves_nothing_twice(workspace: Workspace) -> None:
    def kill_terraform(line: str) -> None:
        record = operation_record.read(workspace.build / "terraform")
        if "aws_vpc.this create" in line and record is not None and record.pid is not None:
            os.kill(record.pid, signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KENNEL_TERRAFORM", TERRAFORM)  # whose provider is killed with it
        with pytest.raises(StackError, match="terraform apply: it was ended by SIGKILL"):
            apply(workspace, kill_terraform)
        lock = stack.lock(workspace)
        assert lock is not None
        assert lock.abandoned
        with pytest.raises(
            StackError, match=f"has ended: free the state with ./kennel stack.unlock {lock.id}"
        ):
            stack.apply(workspace)  # AWS, and nobody who approves it

        # Terraform may have come to the subnet before it was killed; the key is not complete so soon.
        kill_task_after(workspace, r"aws_(subnet|kms_key)\.this create")
    record = write_record()

    apply(workspace, lambda line: None)
    assert stack.plan(workspace).empty
    assert stack.lock(workspace) is None
    assert stack.outputs(workspace)["record"] == record, "what it holds is kept"
    ec2: Any = session.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[TAG])["Vpcs"]
    (subnet,) = ec2.describe_subnets(Filters=[TAG])["Subnets"]
    assert vpc["VpcId"] == subnet["VpcId"] == stack.outputs(workspace)["vpc"]
    kms: Any = session.client("kms")
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    assert [key["KeyState"] for key in keys if key["Description"] == subnet["SubnetId"]].count("Enabled") == 1


def write_record() -> dict[str, Any]:
    """Let the parameter hold something, as if another machine had made and written it; the state has none."""
    ssm: Any = session.client("ssm")
    record = {"deployment": 3, "current": None, "previous": None}
    tags = {"Project": "killed", "Environment": "dev", "ManagedBy": "terraform"}
    name = "/killed/dev/release"
    ssm.put_parameter(Name=name, Value=json.dumps(record), Type="String", Overwrite=True)
    ssm.add_tags_to_resource(
        ResourceType="Parameter",
        ResourceId=name,
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    return record


def kill_task_after(workspace: Workspace, pattern: str) -> None:
    """Apply in another process, and kill that when a line of its progress matches."""
    task = subprocess.Popen(
        [sys.executable, "-c", TASK, str(workspace.build), str(workspace.root)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert task.stdout is not None
    with task:
        lines = []
        for line in task.stdout:
            lines.append(line)
            if re.search(pattern, line):
                task.kill()
                break
        else:
            pytest.fail("the task ended by itself: " + "".join(lines))
