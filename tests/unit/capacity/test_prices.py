"""The table of prices: what it must have, and what is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kennel.capacity import CapacityError, prices
from kennel.capacity.prices import Price

HEAD = "region,service,item,unit,dollars,date,source\n"


def test_every_price_of_the_table_has_a_unit_a_day_and_a_source() -> None:
    table = prices.read(prices.TABLE)
    assert len(table) > 50
    for entry in table:
        assert entry.date <= date(2100, 1, 1)
        assert entry.unit in {
            *("hour", "second", "month", "GB", "GB-month", "GB-second"),
            *("request", "message", "trace"),
        }, entry
        # An unknown price has a reason instead of an address, and no price comes without an address.
        assert entry.source.startswith("https://") == (entry.dollars is not None), entry


def test_writing_the_table_anew_changes_nothing(tmp_path: Path) -> None:
    copy = tmp_path / "prices.csv"
    prices.write(copy, reversed(prices.read(prices.TABLE)))
    assert copy.read_text(encoding="utf-8") == prices.TABLE.read_text(encoding="utf-8")


def test_a_price_is_looked_up_by_region_service_and_item() -> None:
    found = prices.price("us-east-1", "sagemaker", "hosting/ml.m5.large")
    assert (found.dollars, found.unit) == (0.115, "hour")
    assert prices.price("us-east-1", "sagemaker", "hosting volume").dollars is None
    assert "hosting/ml.m5.large" in prices.items("us-east-1", "sagemaker", "hosting/")
    assert prices.regions() == ["us-east-1"]


def test_a_price_that_the_table_lacks_is_an_error_that_names_the_remedy() -> None:
    with pytest.raises(
        CapacityError, match=r"no price of ec2 instance/x9\.large in us-east-1.*cost\.refresh"
    ):
        prices.price("us-east-1", "ec2", "instance/x9.large")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("region,item\n", "must have the columns"),
        (HEAD + "us-east-1,kms,key,month,1,2026-11-27,\n", "source is empty"),
        (HEAD + "us-east-1,kms,key,month,-1,2026-11-27,x\n", "-1 is no price"),
        (HEAD + "us-east-1,kms,key,month,nan,2026-11-27,x\n", "nan is no price"),
        (HEAD + "us-east-1,kms,key,month,cheap,2026-11-27,x\n", "could not convert"),
        (HEAD + "us-east-1,kms,key,month,1,yesterday,x\n", "isoformat"),
        (HEAD + 2 * "us-east-1,kms,key,month,1,2026-11-27,x\n", ":3: a second price of us-east-1 kms key"),
    ],
)
def test_a_wrong_table_is_refused_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CapacityError, match=message):
        prices.read(path)


def test_small_prices_are_written_without_an_exponent(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    entry = Price("us-east-1", "lambda", "request", "request", 2e-7, date(2026, 11, 27), "https://x")
    prices.write(path, [entry])
    assert (
        path.read_text(encoding="utf-8")
        == HEAD + "us-east-1,lambda,request,request,0.0000002,2026-11-27,https://x\n"
    )
    assert prices.read(path) == [entry]
