"""Bills of plans: what is billed for which resource, what is free, and what is named as not known."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from kennel.capacity import CapacityError
from kennel.capacity.cost import bill, charges, plan, usage
from kennel.capacity.cost.bill import Bill

ROOT = Path(__file__).resolve().parents[3]
ENDPOINT = "aws_sagemaker_endpoint"
CONFIGURATION = "aws_sagemaker_endpoint_configuration"


def document(*resources: tuple[str, dict[str, Any]], outputs: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a plan as Terraform shows it: the resources in a module, beside a data source."""
    entries = [
        {
            "address": f"module.x.{kind}.this[{n}]",
            "mode": "managed",
            "type": kind,
            "index": n,
            "values": values,
        }
        for n, (kind, values) in enumerate(resources)
    ]
    data = {"address": "data.aws_region.this", "mode": "data", "type": "aws_region", "values": {}}
    return {
        "planned_values": {
            "outputs": {name: {"value": value} for name, value in (outputs or {}).items()} | {"later": {}},
            "root_module": {"resources": [data], "child_modules": [{"resources": entries}]},
        }
    }


def bill_of(*resources: tuple[str, dict[str, Any]], outputs: dict[str, Any] | None = None) -> Bill:
    return bill.of(plan.planned(document(*resources, outputs=outputs)), usage.read("dev"), "us-east-1")


def quantities(bill_: Bill, address: str) -> dict[str, float | None]:
    return {
        f"{line.charge.service} {line.charge.item}": line.charge.quantity
        for line in bill_.lines
        if address in line.resource
    }


def variant(**settings: Any) -> dict[str, Any]:
    return {"name": "c-1", "production_variants": [{"variant_name": "All", **settings}]}


def test_every_type_of_resource_in_the_terraform_code_is_billed_or_free_for_a_reason() -> None:
    types = {
        kind
        for path in (ROOT / "terraform").rglob("*.tf")
        for kind in re.findall(r'^resource "(\w+)"', path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(types) > 40
    assert types - set(charges.BILLED) - set(charges.FREE) == set()
    assert set(charges.BILLED) & set(charges.FREE) == set()


def test_each_resource_of_a_plan_has_a_line_or_is_named() -> None:
    kinds = [*charges.BILLED, *charges.FREE, "aws_nothing_known"]
    found = bill_of(*((kind, {}) for kind in kinds))
    named = {line.resource for line in found.lines} | set(found.free) | set(found.unknown)
    assert {f"module.x.{kind}.this[{n}]" for n, kind in enumerate(kinds)} <= named
    (unclassified,) = [address for address in found.unknown if "aws_nothing_known" in address]
    assert found.unknown[unclassified] == ["aws_nothing_known is not classified"]


def test_an_endpoint_costs_its_instances_and_at_most_what_scaling_allows() -> None:
    found = bill_of(
        (ENDPOINT, {"name": "e", "endpoint_config_name": "c-1"}),
        (CONFIGURATION, variant(instance_type="ml.m5.large", initial_instance_count=1)),
        (
            "aws_appautoscaling_target",
            {"resource_id": "endpoint/e/variant/All", "min_capacity": 2, "max_capacity": 8},
        ),
    )
    (line,) = [line for line in found.lines if line.charge.item == "hosting/ml.m5.large"]
    assert (line.month, line.most) == (pytest.approx(2 * 730 * 0.115), pytest.approx(8 * 730 * 0.115))
    assert found.most - found.total == pytest.approx(6 * 730 * 0.115)
    assert list(found.unknown.values()) == [
        ["sagemaker hosting volume: no page with this price in us-east-1 could be read"]
    ]


def test_a_serverless_endpoint_costs_seconds_and_no_hours() -> None:
    settings = [{"memory_size_in_mb": 3072, "max_concurrency": 5, "provisioned_concurrency": None}]
    found = bill_of(
        (ENDPOINT, {"name": "e", "endpoint_config_name": "c-1"}),
        (CONFIGURATION, variant(serverless_config=settings)),
    )
    assert quantities(found, ENDPOINT) == {
        "sagemaker serverless/3GB": pytest.approx(10_000 * 0.05),
        "sagemaker serverless data": pytest.approx(10_000 * 0.503 / 1000),
    }
    assert found.unknown == {}


def test_an_endpoint_of_an_unknown_configuration_is_named() -> None:
    found = bill_of((ENDPOINT, {"name": "e", "endpoint_config_name": "other"}))
    ((reason, *_),) = found.unknown.values()
    assert "configuration that is not known" in reason


def test_interface_endpoints_are_billed_in_each_zone() -> None:
    known = ("aws_vpc_endpoint", {"vpc_endpoint_type": "Interface", "subnet_ids": ["a", "b", "c"]})
    planned = ("aws_vpc_endpoint", {"vpc_endpoint_type": "Interface"})
    gateway = ("aws_vpc_endpoint", {"vpc_endpoint_type": "Gateway"})
    found = bill_of(known, planned, gateway, outputs={"network": {"interface_endpoint_zones": 2}})
    hours = [line.charge.quantity for line in found.lines if line.charge.item == "interface endpoint"]
    assert hours == [3 * 730, 2 * 730]
    assert found.free == {"module.x.aws_vpc_endpoint.this[2]": charges.NOTHING_NOW}
    assert "the plan does not say how much" in str(bill_of(planned).unknown)


def test_provisioned_concurrency_costs_memory_and_seconds_and_changes_the_durations_price() -> None:
    function = ("aws_lambda_function", {"function_name": "f", "memory_size": 512})
    provisioned = (
        "aws_lambda_provisioned_concurrency_config",
        {"function_name": "f", "qualifier": "live", "provisioned_concurrent_executions": 2},
    )
    scaled = (
        "aws_appautoscaling_target",
        {"resource_id": "function:f:live", "min_capacity": 1, "max_capacity": 4},
    )
    found = quantities(bill_of(function, provisioned), "aws_lambda")
    assert found["lambda provisioned concurrency"] == pytest.approx(2 * 0.5 * 730 * 3600)
    assert "lambda provisioned duration" in found
    assert "lambda duration" in quantities(bill_of(function), "aws_lambda")
    lines = [
        line for line in bill_of(function, provisioned, scaled).lines if "concurrency" in line.charge.item
    ]
    assert [(line.month, line.most) for line in lines] == [
        (pytest.approx(5.475, 1e-3), pytest.approx(21.9, 1e-3))
    ]


def test_alarms_are_billed_by_metric_and_resolution() -> None:
    expression = {"metric_query": [{"metric": [{}]}, {"metric": [{}]}, {"expression": "a/b", "metric": []}]}
    found = bill_of(
        ("aws_cloudwatch_metric_alarm", {"period": 60, "metric_query": []}),
        ("aws_cloudwatch_metric_alarm", {"period": 10, "metric_query": []}),
        ("aws_cloudwatch_metric_alarm", expression),
        ("aws_appautoscaling_policy", {"policy_type": "TargetTrackingScaling"}),
        ("aws_appautoscaling_policy", {"policy_type": "StepScaling"}),
    )
    lines = [(line.charge.item, line.charge.quantity) for line in found.lines if "module" in line.resource]
    assert lines == [("alarm", 2), ("alarm", 1), ("alarm, high resolution", 1), ("alarm", 2)]


def test_what_an_account_has_free_each_month_is_taken_off_once() -> None:
    alarm = ("aws_cloudwatch_metric_alarm", {"period": 60})
    few, many = bill_of(*[alarm] * 4), bill_of(*[alarm] * 14)
    assert quantities(few, bill.ALLOWANCE) == {"cloudwatch alarm": -4}
    assert quantities(many, bill.ALLOWANCE) == {"cloudwatch alarm": -10}
    assert many.fixed - few.fixed == pytest.approx(0.4)


def test_what_is_billed_beside_the_plan_is_part_of_the_bill_unless_there_is_no_stack() -> None:
    found = bill_of(("aws_vpc", {}), outputs={"training": {"instance_type": "ml.m5.xlarge"}})
    assert found.total == pytest.approx(1.00 + 2 * 0.23)
    assert bill_of().lines == []


def test_a_region_without_prices_makes_all_that_is_billed_unknown() -> None:
    resources = plan.planned(document(("aws_kms_key", {})))
    found = bill.of(resources, usage.read("dev"), "eu-north-1")
    assert found.total == 0
    assert all("cost.refresh" in reason for reasons in found.unknown.values() for reason in reasons)


def test_the_plan_has_what_there_is_and_what_there_will_be() -> None:
    now = document(("aws_kms_key", {}))["planned_values"]
    both = {**document(("aws_kms_key", {}), ("aws_instance", {})), "prior_state": {"values": now}}
    assert [resource.type for resource in plan.present(both).managed] == ["aws_kms_key"]
    assert [resource.type for resource in plan.planned(both).managed] == ["aws_instance", "aws_kms_key"]
    assert plan.present(document()).managed == []


def test_a_file_of_the_user_overrides_single_assumptions(tmp_path: Path) -> None:
    path = tmp_path / "usage.toml"
    path.write_text(
        "[every]\nemails = 7\n[prod]\nrequests = 5\n[dev.log_gb]\nfunction = 1.5\n"
        '[allowances]\n"kms request" = 0\n'
    )
    default, given = usage.read("dev"), usage.read("dev", path)
    assert (given["emails"], given["requests"]) == (7, default["requests"])
    assert (given.of("log_gb", "function"), given.of("log_gb", "endpoint")) == (1.5, 0.1)
    assert given.of("log_gb", "nosuch") is None
    assert given.allowances["kms request"] == 0
    assert usage.read("prod", path)["requests"] == 5
    assert usage.read("dev", asleep=True)["requests"] == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[every]\nrequest = 1\n", "every.request is no assumption of usage.toml: requests, "),
        ("[every]\nrequests = -1\n", "every.requests must be a number of 0 or more"),
        ("[every.log_gb]\nendpoint = true\n", "every.endpoint must be a number"),
        ("requests = 1\n", "requests must be a table"),
        ("[every\n", "is no TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "usage.toml"
    path.write_text(text)
    with pytest.raises(CapacityError, match=message):
        usage.read("dev", path)
    with pytest.raises(CapacityError, match="no assumptions can be read"):
        usage.read("dev", tmp_path / "absent.toml")
