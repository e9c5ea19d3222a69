"""The audit of Terraform with deliberate mistakes; the check "checkov" audits the repository's own."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

import pytest

from kennel.audit.code import AuditReport, audit_code

ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / ".venv-audit" / "bin" / "python"
pytestmark = pytest.mark.slow  # `./kennel test --fast` runs without checkov and its environment

MISTAKES = {
    "bucket.tf": """
resource "aws_s3_bucket" "public" {
  bucket = "public"
}
resource "aws_s3_bucket_acl" "public" {
  bucket = aws_s3_bucket.public.id
  acl    = "public-read"
}
""",
    "star.tf": """
data "aws_iam_policy_document" "star" {
  statement {
    actions   = ["*"]
    resources = ["arn:aws:s3:::bucket"]
  }
}
""",
    "json.tf": """
resource "aws_iam_role_policy" "json" {
  role = "x"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["s3:*"], Resource = "arn:aws:s3:::bucket" }]
  })
}
""",
    "template.tf": """
resource "aws_iam_role_policy" "template" {
  role   = "x"
  policy = templatefile("${path.module}/policy.json.tftpl", { bucket = "bucket" })
}
""",
    "literal.tf": """
resource "aws_iam_role_policy_attachment" "literal" {
  role       = "x"
  policy_arn = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
}
""",
    "managed.tf": """
resource "aws_iam_role" "managed" {
  name                = "x"
  assume_role_policy  = data.aws_iam_policy_document.star.json
  managed_policy_arns = ["arn:aws:iam::aws:policy/AmazonS3FullAccess"]
}
""",
    "looked_up.tf": """
data "aws_iam_policy" "looked_up" {
  name = "AmazonS3FullAccess"
}
resource "aws_iam_role_policy_attachment" "looked_up" {
  role       = "x"
  policy_arn = data.aws_iam_policy.looked_up.arn
}
""",
    "partition.tf": """
data "aws_partition" "here" {}
resource "aws_iam_role_policy_attachment" "partition" {
  role       = "x"
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/AdministratorAccess"
}
""",
    "loop.tf": """
locals {
  broad = toset(["AmazonEC2FullAccess"])
}
resource "aws_iam_role_policy_attachment" "loop" {
  for_each   = local.broad
  role       = "x"
  policy_arn = "arn:aws:iam::aws:policy/${each.value}"
}
""",
    "module.tf": """
module "attach" {
  source   = "./modules/attach"
  policies = ["arn:aws:iam::aws:policy/PowerUserAccess"]
}
""",
    "modules/attach/main.tf": """
variable "policies" {
  type = list(string)
}
resource "aws_iam_role_policy_attachment" "this" {
  count      = length(var.policies)
  role       = "x"
  policy_arn = var.policies[count.index]
}
""",
    "pass.tf": """
data "aws_iam_policy_document" "pass" {
  statement {
    actions   = ["iam:PassRole", "sagemaker:CreateTrainingJob"]
    resources = ["*"]
  }
}
""",
    "trust.tf": """
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["sagemaker.amazonaws.com"]
    }
  }
}
""",
    "variable.tf": """
variable "actions" {
  type = list(string)
}
data "aws_iam_policy_document" "variable" {
  statement {
    actions   = var.actions
    resources = ["arn:aws:s3:::bucket"]
  }
}
""",
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

EXPECTED = {
    "bucket.tf": "CKV_AWS_20",
    "star.tf": "CKV_KENNEL_4",
    "json.tf": "CKV_KENNEL_5",
    "template.tf": "CKV_KENNEL_10",
    "literal.tf": "CKV_KENNEL_1",
    "managed.tf": "CKV_KENNEL_1",
    "looked_up.tf": "CKV_KENNEL_2",
    "partition.tf": "CKV_KENNEL_1",
    "loop.tf": "CKV_KENNEL_1",
    "module.tf": "CKV_KENNEL_3",
    "modules/attach/main.tf": "CKV_KENNEL_10",
    "pass.tf": "CKV_KENNEL_6",
    "trust.tf": "CKV_KENNEL_8",
    "variable.tf": "CKV_KENNEL_11",
    "unreasoned.tf": "UNREASONED",
    "broken.tf": "UNREADABLE",
    "images.json": "IMAGE_END_OF_PATCH",
}


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory: pytest.TempPathFactory) -> AuditReport:
    """The report of one scan of a root with all the mistakes, and nothing else."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "policies", root / "policies", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".checkov.yaml", root)
    for name, text in MISTAKES.items():
        path = root / "terraform" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    report = audit_code(root, python=PYTHON, sarif=root / "code.sarif")
    assert '"version": "2.1.0"' in (root / "code.sarif").read_text()
    return report


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_deliberate_mistake_is_reported(mistaken: AuditReport, name: str) -> None:
    checks = defaultdict(set)
    for finding in mistaken.failed:
        checks[finding.file].add(finding.check)
    assert EXPECTED[name] in checks[f"terraform/{name}"]


def test_nothing_but_the_mistakes_is_reported(mistaken: AuditReport) -> None:
    assert {finding.file.removeprefix("terraform/") for finding in mistaken.failed} == set(EXPECTED)
