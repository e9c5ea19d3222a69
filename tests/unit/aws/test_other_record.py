"""A plan for a record that is not written yet, by Terraform itself; plans beside it do not see the record."""

from __future__ import annotations

from pathlib import Path

from kennel.aws import session
from kennel.aws.infrastructure.other_record import planning_for
from kennel.aws.infrastructure.terraform import Terraform

ROOT = """
terraform {
  backend "local" {
    path = "../state.json"
  }
}
locals {
  record = jsondecode("{\\"asleep\\": null}")
}
module "part" {
  source = "./part"
  record = local.record
}
output "stopped" {
  value = module.part.stopped
}
"""
PART = """
variable "record" { type = any }
output "stopped" { value = try(var.record.asleep.stopped, []) }
"""
RECORD = {"asleep": {"stopped": ["notebook", "${path.root}"]}}


def test_what_is_planned_for_a_record_is_applied_and_the_root_stays_as_it_is(tmp_path: Path) -> None:
    root, data = tmp_path / "terraform", tmp_path / "data"
    (root / "part").mkdir(parents=True)
    (root / "main.tf").write_text(ROOT)
    (root / "part" / "main.tf").write_text(PART)
    files = sorted(root.rglob("*"))

    def terraform(directory: Path) -> Terraform:
        return Terraform(directory, data, [], binary=session.terraform_binary())

    terraform(root).init({})
    terraform(root).apply()
    with planning_for(root, RECORD) as copy:
        assert copy.parent != root.parent
        other, saved = terraform(copy), tmp_path / "saved.tfplan"
        other.plan(out=saved)
        assert sorted(root.rglob("*")) == files
        assert terraform(root).plan(lock=False).empty
        assert terraform(root).outputs() == {"stopped": []}
        other.apply(saved)
    assert terraform(root).outputs() == {"stopped": RECORD["asleep"]["stopped"]}
    assert not copy.exists()
