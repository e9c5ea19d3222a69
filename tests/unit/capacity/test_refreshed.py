"""What answers of AWS make of the table of prices."""

from __future__ import annotations

from datetime import date

from kennel.capacity import refreshed
from kennel.capacity.prices import Price

OLD, NEW = date(2026, 11, 27), date(2026, 12, 24)


def row(item: str, dollars: float | None, region: str = "us-east-1") -> Price:
    return Price(region, "kms", item, "month", dollars, OLD, "https://x")


def test_a_region_is_asked_for_its_own_rows_and_those_of_the_reference() -> None:
    table = [
        row("key", 1.0),
        row("request", 2.0),
        row("key", 1.1, "eu-central-1"),
        row("odd", 3.0, "eu-west-1"),
    ]
    rows = {entry.item: entry.region for entry in refreshed.asked_for(table, "eu-central-1")}
    assert rows == {"key": "eu-central-1", "request": "us-east-1"}
    assert [entry.item for entry in refreshed.asked_for(table, "us-east-1")] == ["key", "request"]


def test_an_answer_changes_dollars_day_and_source() -> None:
    change = refreshed.answered(row("key", None), "us-east-1", 1.50, "https://y", NEW)
    assert change.differs
    assert (change.after.dollars, change.after.date, change.after.source) == (1.5, NEW, "https://y")
    assert change.row == ("kms", "key", "month", "unknown", "1.5")
    assert not refreshed.answered(row("key", 1.5), "us-east-1", 1.50, "https://y", NEW).differs


def test_a_new_region_gets_rows_of_its_own() -> None:
    change = refreshed.answered(row("key", 1.0), "eu-west-1", 1.0, "https://y", NEW)
    assert change.before is None
    assert change.differs
    merged = refreshed.merged([row("key", 1.0)], [change])
    assert [(entry.region, entry.date) for entry in merged] == [("us-east-1", OLD), ("eu-west-1", NEW)]
