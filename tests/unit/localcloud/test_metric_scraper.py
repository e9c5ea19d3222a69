"""Metrics are what the definitions find in the lines, and the last of each is the final one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kennel.localcloud.services.sagemaker.training.metric_scraper import MetricScraper

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DEFINITIONS = [
    {"Name": "valid:loss", "Regex": r"val_loss=([0-9.eE+naif-]+);"},
    {"Name": "valid:top1", "Regex": r"val_top1=([0-9.]+);"},
]


def test_every_match_is_a_value_and_the_last_is_final() -> None:
    scraper = MetricScraper(DEFINITIONS)
    first = scraper.read("epoch=1; val_loss=2.5e-1; val_top1=0.5;", "job/algo-1", NOW)
    assert [(m["MetricName"], m["Value"]) for m in first] == [("valid:loss", 0.25), ("valid:top1", 0.5)]
    assert first[0]["Timestamp"] == NOW
    assert first[0]["Dimensions"] == [{"Name": "Host", "Value": "job/algo-1"}]
    scraper.read("epoch=2; val_loss=0.125;", "job/algo-1", NOW)
    assert {m["MetricName"]: m["Value"] for m in scraper.final()} == {"valid:loss": 0.125, "valid:top1": 0.5}


@pytest.mark.parametrize("line", ["val_loss=nan;", "val_loss=inf;", "val_loss=.;", "nothing", ""])
def test_what_is_no_finite_number_is_skipped(line: str) -> None:
    scraper = MetricScraper(DEFINITIONS)
    assert scraper.read(line, "h", NOW) == []
    assert scraper.final() == []


def test_a_regular_expression_without_a_group_finds_nothing() -> None:
    assert MetricScraper([{"Name": "x", "Regex": "loss=1"}]).read("loss=1", "h", NOW) == []


def test_a_broken_regular_expression_is_named() -> None:
    with pytest.raises(ValueError, match=r"regular expression '\(' of metric x"):
        MetricScraper([{"Name": "x", "Regex": "("}])
