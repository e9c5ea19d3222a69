"""One run of checkov over what the audit must refuse, and what it must let pass: it starts slowly."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

from kennel.audit.code import AuditReport, audit_code

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PYTHON = ROOT / ".venv-audit" / "bin" / "python"
ENTRIES = runpy.run_path(str(ROOT / "policies" / "catalogue.py"))["ENTRIES"]
PLAN = HERE / "weak_stack" / "plan.json"
# What concerns the files and not the resources in them.
FILES = {
    "unreasoned.tf": """
resource "aws_sqs_queue" "unreasoned" {
  #checkov:skip=CKV_AWS_27
  name = "x"
}
""",
    "broken.tf": 'resource "aws_sqs_queue" {',
    "images.json": """
{
  "training": {
    "cpu": {
      "repository": "pytorch-training", "tag": "1.0", "python": "3.6", "source": "https://github.com/aws",
      "end_of_patch": "2020-01-01"
    }
  },
  "inference": {}
}
""",
}
WORKFLOW = """
name: open
on: push
permissions: write-all
jobs:
  job:
    runs-on: ubuntu-24.04
    steps:
      - run: echo "${{ github.event.head_commit.message }}"
"""


@pytest.fixture(scope="package")
def report(tmp_path_factory: pytest.TempPathFactory) -> AuditReport:
    """The report of a checkout with the checks' cases, the weak stack and its plan, and nothing else."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "policies", root / "policies", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".checkov.yaml", root)
    for name in ("checks", "weak_stack"):
        shutil.copytree(HERE / name, root / "terraform" / name)
    (root / "terraform" / "weak_stack" / PLAN.name).unlink()
    for name, text in FILES.items():
        (root / "terraform" / name).write_text(text)
    (root / ".github" / "workflows").mkdir(parents=True)
    (root / ".github" / "workflows" / "open.yml").write_text(WORKFLOW)
    report = audit_code(root, python=PYTHON, sarif=root / "code.sarif", plan=PLAN)
    assert '"version": "2.1.0"' in (root / "code.sarif").read_text()
    return report
