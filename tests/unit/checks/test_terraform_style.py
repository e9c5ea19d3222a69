"""The style of Terraform code is read from parsed HCL; each mistake is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from kennel.checks import terraform_style

VERSIONS = 'terraform {\n  required_version = ">= 1.11"\n}\n'
VARIABLES = """
variable "alpha" {
  description = "The first: { braces } and \\"quotes\\" are no end."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.alpha) > 0
    error_message = "alpha must not be empty."
  }
}

variable "beta" {
  description = "The second; null means none."
  type        = object({ a = optional(string, "x") })
  default     = null
}

variable "environment" {
  description = "Which one this is."
  type        = string
  nullable    = false
}
"""
OUTPUTS = 'output "arn" {\n  description = "Its ARN."\n  value       = aws_s3_bucket.this.arn\n}\n'
MAIN = 'resource "aws_s3_bucket" "this" {\n  bucket = var.alpha\n}\n'
LOCK = 'provider "registry.terraform.io/hashicorp/aws" {\n  version = "5.100.0"\n  hashes = [%s]\n}\n'


def locked(count: int) -> str:
    return LOCK % ", ".join(f'"zh:{number:064x}"' for number in range(count))


@pytest.fixture
def terraform(tmp_path: Path) -> Path:
    """Return a root with one module and one environment, in good style."""
    root = tmp_path / "terraform"
    for module in (root, root / "modules" / "storage"):
        module.mkdir(parents=True)
        files = {"main.tf": MAIN, "outputs.tf": OUTPUTS, "variables.tf": VARIABLES, "versions.tf": VERSIONS}
        for name, text in files.items():
            (module / name).write_text(text)
    (root / "environments").mkdir()
    (root / "environments" / "dev.tfvars").write_text('environment = "dev"\nalpha = "a"\n')
    (root / ".terraform.lock.hcl").write_text(locked(14))
    return root


def test_good_style_passes(terraform: Path) -> None:
    assert list(terraform_style.violations(terraform)) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "violation"),
    [
        pytest.param("variables.tf", "alpha", "zeta", "variable beta comes after zeta", id="order"),
        pytest.param(
            "outputs.tf",
            '  description = "Its ARN."\n',
            "",
            "output arn has no description",
            id="description",
        ),
        pytest.param("variables.tf", "  type        = string\n", "", "variable alpha has no type", id="type"),
        pytest.param(
            "variables.tf",
            "  nullable    = false\n",
            "",
            "alpha: null must be its default, or",
            id="nullable",
        ),
        pytest.param(
            "variables.tf", '"alpha must', '"It must', "does not begin with the variable's name", id="message"
        ),
        pytest.param("versions.tf", "1.11", "1.10", "asks for another Terraform or provider", id="versions"),
        pytest.param(
            "main.tf", '"this"', '"bucket"', "its main resource is not named this", id="main resource"
        ),
    ],
)
def test_a_mistake_in_a_module_is_named(
    terraform: Path, file: str, old: str, new: str, violation: str
) -> None:
    path = terraform / "modules" / "storage" / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))

    violations = list(terraform_style.violations(terraform))

    assert any(
        line.startswith(f"terraform/modules/storage/{file}: ") and violation in line for line in violations
    )


def test_a_module_lacks_no_file(terraform: Path) -> None:
    (terraform / "modules" / "storage" / "outputs.tf").unlink()

    assert list(terraform_style.violations(terraform)) == ["terraform/modules/storage: lacks outputs.tf"]


def test_an_environment_sets_declared_variables_and_says_which_it_is(terraform: Path) -> None:
    (terraform / "environments" / "dev.tfvars").write_text('environment = "prod"\ngamma = 1\n')

    assert list(terraform_style.violations(terraform)) == [
        "terraform/environments/dev.tfvars: gamma is no variable of the root",
        "terraform/environments/dev.tfvars: environment is not dev",
    ]


def test_a_lock_file_of_one_platform_is_found(terraform: Path) -> None:
    (terraform / ".terraform.lock.hcl").write_text(locked(1))

    [violation] = terraform_style.violations(terraform)

    assert "has the checksums of 1 packages" in violation
