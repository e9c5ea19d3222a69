"""The table, the JSON document and the closing line hold the same."""

from __future__ import annotations

import json
from pathlib import Path

from kennel.checks.check import CheckOutcome, CheckResult, Counts
from kennel.checks.pytest_runs import counts
from kennel.checks.summary import Summary

SUMMARY = Summary(
    [
        CheckOutcome("format", 0.4, 0.3, CheckResult(True)),
        CheckOutcome(
            "unit", 80.1, 120.4, CheckResult(True, "...", "7 passed, 0 failed, 1 skipped", Counts(7, 0, 1))
        ),
        CheckOutcome("end-to-end", 300.5, 290.0, CheckResult(False, "...", "", Counts(2, 1, 0))),
    ],
    310.0,
)


def test_the_closing_line_counts_the_tests_of_all_runs() -> None:
    assert str(SUMMARY.tests) == "9 passed, 1 failed, 1 skipped"


def test_the_table_ends_with_the_whole_run() -> None:
    assert SUMMARY.rows() == [
        ("✓", "format", 0.4, 0.3, ""),
        ("✓", "unit", 80.1, 120.4, "7 passed, 0 failed, 1 skipped"),
        ("✗", "end-to-end", 300.5, 290.0, ""),
        ("✗", "in all", 310.0, 410.7, "9 passed, 1 failed, 1 skipped"),
    ]


def test_the_document_holds_what_the_table_shows() -> None:
    document = json.loads(json.dumps(SUMMARY.as_dict()))

    assert document["ok"] is False
    assert document["tests"] == {"passed": 9, "failed": 1, "skipped": 1}
    assert (document["seconds"], document["processor_seconds"]) == (310.0, 410.7)
    keys = ("name", "ok", "seconds", "processor_seconds")
    assert [[check[key] for key in keys] for check in document["checks"]] == [
        ["format", True, 0.4, 0.3],
        ["unit", True, 80.1, 120.4],
        ["end-to-end", False, 300.5, 290.0],
    ]
    assert document["checks"][0]["tests"] is None
    assert document["checks"][1]["tests"] == {"passed": 7, "failed": 0, "skipped": 1}


def test_errors_count_as_failures(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10"/></testsuites>'
    )

    assert counts(report) == Counts(passed=4, failed=3, skipped=3)


def test_a_run_that_left_no_report_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "cut_off.xml").write_text("<testsuites><testsuite")

    assert counts(tmp_path / "absent.xml") == Counts(failed=1)
    assert counts(tmp_path / "cut_off.xml") == Counts(failed=1)
