"""Statistics of metrics, basic and extended.

Cases with AWS's own examples: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import pickle

import pytest

from kennel.localcloud.runtime.metrics import retention
from kennel.localcloud.runtime.metrics.distribution import MOST_VALUES, Distribution
from kennel.localcloud.runtime.metrics.retention import Block
from kennel.localcloud.runtime.metrics.statistics import UnknownStatisticError, is_percentile, statistic


def distribution(*values: float) -> Distribution:
    made = Distribution()
    for value in values:
        made.add(value)
    return made


HUNDRED = distribution(*range(1, 101))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SampleCount", 100),
        ("Sum", 5050),
        ("Average", 50.5),
        ("Minimum", 1),
        ("Maximum", 100),
        ("p0", 1),
        ("p50", 50),
        ("p95", 95),
        ("p99", 99),
        ("p99.9", 100),
        ("p100", 100),
        ("tm90", 45.5),  # without the 10 % highest
        ("TM(:90%)", 45.5),
        ("TM(2%:98%)", 50.5),
        ("TM(10%:)", 55.5),
        ("TM(50:60)", 55.5),  # above 50, up to 60
        ("IQM", 50.5),
        ("tc90", 90),
        ("TC(10%:90%)", 80),
        ("TC(:25)", 25),
        ("ts90", 4095),
        ("TS(90:)", 955),
        ("wm98", 50.47),  # the two highest count as the 98th
        ("WM(10:90)", 50.4),  # 10 times 10, 11 to 90, 10 times 90
        ("PR(:30)", 30),
        ("PR(10:30)", 20),
        ("PR(90:)", 10),
    ],
)
def test_a_statistic_of_one_to_a_hundred(name: str, expected: float) -> None:
    assert statistic(name)(HUNDRED) == pytest.approx(expected)


@pytest.mark.parametrize(
    "name",
    [
        "Median",
        "p101",
        "P99",
        "p",
        "tm",
        "TM()",
        "TM(:)",
        "TM(10%:90)",
        "TM(90%:10%)",
        "PR(10%:90%)",
        "PR(5:5)",
        "pr50",
        "tm99%",
    ],
)
def test_other_names_are_no_statistics(name: str) -> None:
    with pytest.raises(UnknownStatisticError):
        statistic(name)


def test_percentiles_are_told_from_other_statistics() -> None:
    assert [is_percentile(name) for name in ("p99", "p99.9", "PR(:3)", "tm99", "Sum")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_statistic_set_hides_its_values() -> None:
    mixed = distribution(1.0)
    mixed.add_set(3, 12, 2, 6)
    assert (mixed.count, mixed.total, mixed.minimum, mixed.maximum) == (4, 13, 1, 6)
    assert statistic("p50")(mixed) is None
    assert statistic("Average")(mixed) == 3.25


def test_a_statistic_set_of_equal_values_or_of_one_has_percentiles() -> None:
    same = Distribution()
    same.add_set(10, 50, 5, 5)
    same.add_set(1, 7, 7, 7)
    assert [statistic(name)(same) for name in ("SampleCount", "p50", "p99")] == [11, 5, 7]


def test_negative_values_have_no_percentiles() -> None:
    assert statistic("p50")(distribution(-1, 1)) is None


@pytest.mark.parametrize("packed", [False, True])
def test_many_values_take_bounded_memory_and_keep_their_percentiles(packed: bool) -> None:
    many = distribution(*(1000 + index * 0.37 for index in range(100_000)))
    if packed:
        [(_, many)] = Block([(0, many)])
    assert len(list(many.values())) <= (retention.MOST_VALUES if packed else MOST_VALUES)
    assert many.count == 100_000
    for name, expected in (("p1", 1370), ("p50", 19_500), ("p99", 37_630)):
        assert statistic(name)(many) == pytest.approx(expected, rel=0.045 if packed else 0.011)


def test_a_packed_distribution_can_be_read_merged_kept_and_added_to() -> None:
    block = Block([(0, distribution(*range(1, 51))), (60, Distribution()), (120, distribution(-1, 1))])
    [(_, kept), (_, empty), (at, negative)] = pickle.loads(pickle.dumps(block))
    assert (empty.count, at, negative.total, negative.complete) == (0, 120, 0, False)
    merged = distribution(1000)
    merged.merge(kept)
    assert (statistic("p50")(kept), statistic("Maximum")(merged), merged.count) == (25, 1000, 51)
    kept.add(101)
    assert statistic("p100")(kept) == 101
