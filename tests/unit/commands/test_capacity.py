"""The task `capacity`: one document, a page, and refusals before anything is simulated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kennel.__main__ import main
from kennel.aws import StackError
from kennel.aws.infrastructure import variable_defaults

TERRAFORM = Path(__file__).resolve().parents[3] / "terraform"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        main(["kennel", "capacity", *arguments])
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def traffic(tmp_path: Path) -> Path:
    path = tmp_path / "traffic.csv"
    rows = [
        f"2026-11-27T{hour:02}:{minute:02}:00Z,{300 + 10 * hour}" for hour in range(4) for minute in range(60)
    ]
    path.write_text("\n".join(["timestamp,requests", *rows]))
    return path


def test_a_trace_a_load_test_and_all_ways(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, traffic: Path
) -> None:
    figure = {"p50_ms": 41.0, "p95_ms": 44.0, "per_second": 36.9}
    load = tmp_path / "load.json"
    load.write_text(json.dumps({"cores": 2, "figures": {"large": {"Kennel, openvino-int8": {"1": figure}}}}))
    page = tmp_path / "page.html"

    code, out, err = run(
        capsys,
        *("--trace", str(traffic), "--from-load", str(load), "--compare", "--p99", "400"),
        *("--page", str(page), "--json"),
    )

    assert code == 0, err
    document = json.loads(out)
    assert document["trace"]["requests"] == sum(60 * (300 + 10 * hour) for hour in range(4))
    assert document["aws_rule"] == {
        "highest_rate": 36.9,
        "safety_factor": 0.5,
        "invocations_per_instance": 1107,
        "measured": "Kennel, openvino-int8",
    }
    stack = variable_defaults.of_object(TERRAFORM, "autoscaling")
    policy = document["ways"]["target tracking"]["policy"]
    assert policy["target"] == float(stack["invocations_per_instance"])
    assert policy["maximum"] == int(stack["max_instances"])
    assert f"max_instances              = {policy['maximum']}" in document["terraform"]
    assert all(way["meets_objective"] for way in document["ways"].values())
    text = page.read_text(encoding="utf-8")
    assert text.count("<polyline") == 5
    assert "Lambda alone" in text


def test_the_metric_of_ten_seconds(capsys: pytest.CaptureFixture[str], tmp_path: Path, traffic: Path) -> None:
    code, out, err = run(
        capsys, "--trace", str(traffic), "--concurrency", "--json", "--page", str(tmp_path / "page.html")
    )

    assert code == 0, err
    document = json.loads(out)
    stack = variable_defaults.of_object(TERRAFORM, "autoscaling")
    assert document["ways"]["target tracking"]["policy"]["target"] == float(
        stack["concurrent_requests_per_instance"]
    )
    assert 'metric                           = "CONCURRENCY"' in document["terraform"]


def test_a_person_gets_a_table(capsys: pytest.CaptureFixture[str], tmp_path: Path, traffic: Path) -> None:
    code, out, err = run(capsys, "--trace", str(traffic), "--page", str(tmp_path / "page.html"))

    assert code == 0, err
    assert "p99 ms" in out
    assert "target tracking" in out
    assert "autoscaling = {" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("--trace TRAFFIC --endpoint dogs", "give one of them"),
        ("--search", "--p99"),
        ("--search --p99 100 --concurrency --target 2", "leave out --concurrency"),
        ("--minimum 9 --maximum 2", "above the maximum"),
        ("--trace nowhere.csv", "no file at 'nowhere.csv'"),
    ],
)
def test_what_cannot_be_is_refused(
    capsys: pytest.CaptureFixture[str], traffic: Path, arguments: str, says: str
) -> None:
    words = [str(traffic) if word == "TRAFFIC" else word for word in arguments.split()]

    code, out, err = run(capsys, *words, "--requests", "100")

    assert (code, out) == (2, "")
    assert says in err


def test_defaults_of_a_variable_that_is_not_there(tmp_path: Path) -> None:
    assert variable_defaults.of_object(TERRAFORM, "endpoint")["instance_type"].startswith("ml.")
    (tmp_path / "main.tf").write_text('variable "autoscaling" {\n  type = number\n}\n')
    with pytest.raises(StackError, match=r"variables_serving\.tf"):
        variable_defaults.of_object(tmp_path, "autoscaling")
