"""Settings of the Terraform code that a plan cannot judge; its style is a check of its own."""

from __future__ import annotations

from tests.unit.terraform.conftest import TERRAFORM

from kennel.checks.terraform_style import parse


def test_only_throwaway_environments_delete_what_their_buckets_hold() -> None:
    deletes = {
        path.stem: parse(path).get("storage", {}).get("force_destroy", False)
        for path in (TERRAFORM / "environments").glob("*.tfvars")
    }

    assert [name for name, emptied in sorted(deletes.items()) if emptied] == ["dev", "local"]


def test_prod_is_protected_from_a_destroy() -> None:
    assert parse(TERRAFORM / "environments" / "prod.tfvars")["storage"]["protected"] is True
