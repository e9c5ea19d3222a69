"""The gate: what int8 must pass on large sets, and what chance allows on small ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kennel.packaging.gate import CHANCE, Comparison, most_by_chance


def comparison(photos: int, other: int = 0, lost: int = 0, gained: int = 0) -> Comparison:
    """Return one with so many photos; int8 loses and gains some, and answers others otherwise, both wrong."""
    fp32 = np.zeros(photos, dtype=int)
    int8 = fp32.copy()
    labels = fp32.copy()
    int8[:lost] = 1
    fp32[lost : lost + gained] = 1
    wrong = slice(lost + gained, lost + gained + other)
    labels[wrong], int8[wrong] = 2, 1
    return Comparison(fp32, int8, labels)


@pytest.mark.parametrize(
    ("photos", "other", "passes"),
    [
        (1000, 10, True),
        (1000, 11, False),
        (835, 8, True),
        (835, 9, False),
        (100, 1, True),
        (100, 2, False),
        (25, 1, True),
        (25, 2, False),
        (5, 0, True),
        (6, 1, True),
        (5, 1, False),
    ],
)
def test_how_many_photos_may_get_another_answer(photos: int, other: int, passes: bool) -> None:
    assert comparison(photos, other=other).passed is passes


@pytest.mark.parametrize(
    ("photos", "lost", "gained", "passes"),
    [
        (5000, 5, 0, True),
        (5000, 6, 0, False),
        (5000, 10, 5, True),
        (835, 4, 0, True),  # all four photos on the edge on one side: 1 in 16
        (835, 5, 0, False),  # 1 in 32
        (835, 4, 4, True),
        (25, 0, 1, True),
    ],
)
def test_how_many_photos_may_be_lost(photos: int, lost: int, gained: int, passes: bool) -> None:
    assert comparison(photos, lost=lost, gained=gained).passed is passes


def test_a_small_set_says_what_its_limits_are() -> None:
    assert comparison(1000).small_set is None
    assert comparison(25).small_set == (
        "25 photos are too few to measure 0.1 points: 1 may get another answer and 0 may be lost, "
        "as chance allows (5%)"
    )


def test_without_labels_only_the_agreement_counts() -> None:
    answers = np.zeros(100, dtype=int)
    unlabelled = Comparison(answers, answers, answers - 1)

    assert unlabelled.passed
    assert (unlabelled.labelled, unlabelled.top_1(answers)) == (0, None)


@pytest.mark.parametrize(("trials", "probability"), [(1, 0.01), (25, 0.01), (99, 0.01), (7, 0.5), (40, 0.5)])
def test_chance_is_the_binomial_distributions(trials: int, probability: float) -> None:
    most = most_by_chance(trials, probability)

    assert most == 0 or stats.binom.sf(most - 1, trials, probability) >= CHANCE
    assert stats.binom.sf(most, trials, probability) < CHANCE
