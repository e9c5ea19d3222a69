"""What a plan changes: grouped by module, and for drift by attribute."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kennel.aws.infrastructure.changes import Changes, ResourceChange, drift_in


@pytest.mark.parametrize(
    ("address", "module", "resource"),
    [
        ("aws_vpc.this", "(root)", "aws_vpc.this"),
        ("module.storage.aws_s3_bucket.this", "storage", "aws_s3_bucket.this"),
        ('module.a["x.y]"].module.b[0].aws_vpc.this["k"]', 'a["x.y]"].b[0]', 'aws_vpc.this["k"]'),
        ("module.network.data.aws_prefix_list.s3", "network", "data.aws_prefix_list.s3"),
    ],
)
def test_an_address_names_module_and_resource(address: str, module: str, resource: str) -> None:
    change = ResourceChange("create", address)

    assert (change.module, change.resource) == (module, resource)


def test_resources_are_sorted_and_counted_by_module_as_terraform_counts_them() -> None:
    planned = [
        ResourceChange("replace", "module.storage.aws_s3_bucket.b"),
        ResourceChange("create", "module.network.aws_vpc.this"),
        ResourceChange("read", "module.storage.data.aws_region.this"),
        ResourceChange("update", "module.storage.aws_s3_bucket.a"),
        ResourceChange("delete", "aws_budget.this"),
    ]
    changes = Changes(add=2, change=1, remove=2, planned=planned)

    assert [line.split(" ")[1] for line in changes.resources] == [
        "aws_budget.this",
        "module.network.aws_vpc.this",
        "module.storage.aws_s3_bucket.a",
        "module.storage.aws_s3_bucket.b",
        "module.storage.data.aws_region.this",
    ]
    assert changes.by_module() == {
        "(root)": {"add": 0, "change": 0, "remove": 1},
        "network": {"add": 1, "change": 0, "remove": 0},
        "storage": {"add": 1, "change": 1, "remove": 1},
    }


def drifted(before: Any, after: Any, planned: Any = None, **masks: Any) -> dict[str, Any]:
    """Return a plan's JSON for one resource; by default the plan would change everything back."""
    planned = before if planned is None else planned
    return {
        "resource_drift": [
            {
                "address": "aws_x.y",
                "change": {"actions": ["update"], "before": before, "after": after, **masks},
            }
        ],
        "resource_changes": [
            {"address": "aws_x.y", "change": {"actions": ["update"], "before": after, "after": planned}}
        ],
    }


def attributes(plan: dict[str, Any], **options: bool) -> list[tuple[str, Any, Any]]:
    return [(a.attribute, *a.texts) for a in drift_in(plan, **options).attributes]


def policy(action: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action}]})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"memory": 512}, {"memory": 1024}, ("memory", "512", "1024")),
        ({"tags": None, "size": 1}, {"tags": {"Team": "a"}, "size": 1}, ("tags.Team", "", "a")),
        (
            {"policy": policy("s3:Get*")},
            {"policy": policy("s3:*")},
            ("policy.Statement[0].Action", "s3:Get*", "s3:*"),
        ),
        ({"rule": [{"p": 1}, {"p": 2}]}, {"rule": [{"p": 2}, {"p": 3}]}, ("rule[0].p", "1", "3")),
        ({"ids": ["a", "b"]}, {"ids": ["b", "c", "d"]}, ("ids", '["a"]', '["c", "d"]')),
        ({"ids": ["a", "b"]}, {"ids": ["b", "a"]}, ("ids", '["a", "b"]', '["b", "a"]')),
    ],
)
def test_drift_names_the_attribute_and_both_values(
    before: Any, after: Any, expected: tuple[str, str, str]
) -> None:
    assert attributes(drifted(before, after)) == [expected]


@pytest.mark.parametrize(
    ("before", "after", "masks"),
    [
        ({"password": "old"}, {"password": "new"}, {"after_sensitive": {"password": True}}),
        ({"password": "old"}, {"password": "new"}, {"before_sensitive": {"password": True}}),
        ({"users": [{"p": "old"}]}, {"users": [{"p": "new"}]}, {"after_sensitive": {"users": [{"p": True}]}}),
    ],
)
def test_sensitive_values_are_hidden(before: Any, after: Any, masks: dict[str, Any]) -> None:
    changes = drift_in(drifted(before, after, **masks))

    assert [change.sensitive for change in changes.attributes] == [True]
    shown = json.dumps([change.as_dict() for change in changes.attributes]) + str(changes.attributes[0].texts)
    assert "old" not in shown
    assert "new" not in shown


def test_what_an_apply_would_leave_is_drift_only_if_everything_is_asked_for() -> None:
    before, after = {"size": 1, "lifecycle_rule": None}, {"size": 2, "lifecycle_rule": [{"id": "a"}]}
    plan = drifted(before, after, planned={"size": 1, "lifecycle_rule": [{"id": "a"}]})

    assert attributes(plan) == [("size", "1", "2")]
    assert [path for path, *_ in attributes(plan, everything=True)] == ["lifecycle_rule", "size"]


def test_null_that_became_empty_is_no_drift() -> None:
    assert drift_in(drifted({"tags": None, "on": False}, {"tags": {}, "on": False}), everything=True).empty


def test_a_resource_that_is_gone_is_drift() -> None:
    plan = {
        "resource_drift": [
            {"address": "aws_x.y", "change": {"actions": ["delete"], "before": {}, "after": None}}
        ]
    }

    changes = drift_in(plan)

    assert (changes.remove, changes.resources) == (1, ["delete aws_x.y"])
