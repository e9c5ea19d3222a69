"""A tuning job's search: ranges and their scales, and that the Bayesian one finds more than chance does."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import pytest

from kennel.localcloud.services.sagemaker.tuning import ranges as tuning_ranges
from kennel.localcloud.services.sagemaker.tuning.ranges import RangeError, Space
from kennel.localcloud.services.sagemaker.tuning.search import BayesianSearch, GridSearch, RandomSearch, Tried
from kennel.localcloud.services.sagemaker.tuning.stopping import hopeless
from kennel.localcloud.services.sagemaker.tuning.surrogate import GaussianProcess


def number(name: str, least: str, most: str, scaling: str = "Auto") -> dict[str, str]:
    return {"Name": name, "MinValue": least, "MaxValue": most, "ScalingType": scaling}


def space(**ranges: list[dict[str, Any]]) -> Space:
    return tuning_ranges.read({f"{kind}ParameterRanges": given for kind, given in ranges.items()})


HEAD = space(
    Continuous=[number("lr", "0.0001", "1"), number("dropout", "0", "0.6")],
    Integer=[number("batch", "16", "256", "Logarithmic")],
    Categorical=[{"Name": "width", "Values": ["0", "128", "512"]}],
)


def loss_of(values: dict[str, str]) -> float:
    """A toy: best at lr 0.01, dropout 0.2, batch 64, width 128, where it is 0."""
    return (
        (math.log10(float(values["lr"])) + 2) ** 2
        + 4 * (float(values["dropout"]) - 0.2) ** 2
        + 0.1 * math.log2(int(values["batch"]) / 64) ** 2
        + {"0": 0.3, "128": 0.0, "512": 0.6}[values["width"]]
    )


def run(search: Any, loss: Callable[[dict[str, str]], float], trials: int) -> list[Tried]:
    tried: list[Tried] = []
    for _ in range(trials):
        values = search.next(tried)
        tried.append(Tried(values, loss(values)))
    return tried


def best(tried: list[Tried]) -> float:
    return min(one.loss for one in tried if one.loss is not None)


def test_the_limits_of_a_range_can_be_reached_and_not_passed() -> None:
    (lr,) = space(Continuous=[number("lr", "0.001", "0.1", "Logarithmic")]).ranges
    assert [float(lr.value(place)) for place in (0.0, 0.5, 1.0)] == pytest.approx([0.001, 0.01, 0.1])


def test_reverse_logarithmic_scaling_looks_closer_near_one() -> None:
    (momentum,) = space(Continuous=[number("momentum", "0.9", "0.999", "ReverseLogarithmic")]).ranges
    assert float(momentum.value(0.5)) == pytest.approx(1 - math.sqrt(0.1 * 0.001))


@pytest.mark.parametrize("scaling", ["Linear", "Logarithmic"])
def test_every_integer_comes_and_nothing_beyond(scaling: str) -> None:
    (one,) = space(Integer=[number("n", "1", "4", scaling)]).ranges
    found = [one.value(place) for place in np.linspace(0, 1, 1001)]
    assert set(found) == {"1", "2", "3", "4"}
    if scaling == "Linear":
        assert found.count("1") == pytest.approx(found.count("2"), abs=2)


def test_auto_takes_the_logarithm_of_wide_ranges_only() -> None:
    ranges = space(Continuous=[number("a", "1e-4", "1e-1"), number("b", "0", "1"), number("c", "1", "50")])
    assert [one.scaling for one in ranges.ranges] == ["Logarithmic", "Linear", "Linear"]  # type: ignore[union-attr]


def test_a_value_lies_where_it_came_from() -> None:
    point = [0.25, 0.5, 0.75, 0.5]
    values = HEAD.values(point)
    assert HEAD.coordinates(values)[1:3] == pytest.approx([0.5, 0.75], abs=0.01)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ContinuousParameterRanges": [number("lr", "1", "0")]}, "lr must be less"),
        ({"ContinuousParameterRanges": [number("lr", "low", "1")]}, "lr are no numbers"),
        ({"ContinuousParameterRanges": [number("lr", "0", "1", "Logarithmic")]}, "above 0"),
        ({"ContinuousParameterRanges": [number("lr", "0", "1", "ReverseLogarithmic")]}, "0 <= x < 1"),
        ({"IntegerParameterRanges": [number("n", "1.5", "3")]}, "whole numbers"),
        ({"IntegerParameterRanges": [number("n", "1", "3"), number("n", "1", "4")]}, "more than one"),
        ({"CategoricalParameterRanges": [{"Name": "c", "Values": ["a", "a"]}]}, "unique"),
        ({}, "At least one"),
    ],
)
def test_a_senseless_range_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(RangeError, match=message):
        tuning_ranges.read(given)


def test_the_process_passes_through_what_it_knows_and_doubts_the_rest() -> None:
    points = np.linspace(0, 1, 6)[:, None]
    process = GaussianProcess(points, np.sin(3 * points[:, 0]))
    mean, deviation = process.predict(np.array([[0.4], [0.5]]))
    assert mean == pytest.approx(np.sin([1.2, 1.5]), abs=0.05)
    assert deviation[0] < deviation[1]


def test_improvement_is_expected_beside_the_best_and_not_at_the_worst() -> None:
    points = np.array([[0.0], [0.25], [0.5], [0.75], [1.0]])
    losses = (points[:, 0] - 0.6) ** 2
    hope = GaussianProcess(points, losses).expected_improvement(np.array([[0.6], [0.02]]), losses.min())
    assert hope[0] > 10 * hope[1]


def test_bayesian_search_beats_chance_on_most_seeds() -> None:
    bayesian = [best(run(BayesianSearch(HEAD, seed), loss_of, 20)) for seed in range(5)]
    random = [best(run(RandomSearch(HEAD, seed), loss_of, 20)) for seed in range(5)]
    assert median(bayesian) < 0.2 * median(random)
    assert sum(b < r for b, r in zip(bayesian, random, strict=True)) >= 4


def test_the_same_seed_searches_alike_and_another_does_not() -> None:
    first, again, other = (run(BayesianSearch(HEAD, seed), loss_of, 8) for seed in (3, 3, 4))
    assert first == again != other


def test_running_trials_are_not_chosen_twice() -> None:
    tried = run(BayesianSearch(HEAD, 0), loss_of, 8)
    search = BayesianSearch(HEAD, 0)
    one = search.next(tried)
    assert one is not None
    assert search.next([*tried, Tried(one, None)]) != one


def test_failed_trials_and_diverged_ones_do_not_spoil_the_search() -> None:
    def loss(values: dict[str, str]) -> float:
        if float(values["lr"]) > 0.2:
            return math.inf
        return 1e6 if float(values["lr"]) > 0.1 else loss_of(values)

    assert median(best(run(BayesianSearch(HEAD, seed), loss, 20)) for seed in range(3)) < 0.1


def test_a_grid_has_every_combination_once() -> None:
    choices = [{"Name": "a", "Values": ["1", "2"]}, {"Name": "b", "Values": ["x", "y", "z"]}]
    search = GridSearch(space(Categorical=choices))
    tried = run(search, lambda values: 0.0, 6)
    assert len({tuple(one.values.items()) for one in tried}) == 6
    assert search.next(tried) is None


def test_a_trial_worse_than_the_median_is_hopeless() -> None:
    earlier = [[1.0, 0.8, 0.6], [1.0, 0.6, 0.2], [1.0, 0.7, 0.4]]  # averages of two epochs: 0.9, 0.8, 0.85
    assert hopeless([1.0, 0.86], earlier)
    assert not hopeless([1.0, 0.84], earlier)
    assert not hopeless([1.0, 0.9], earlier[:2])  # too few to judge by
    assert not hopeless([1.0, 1.0, 1.0, 9.0], earlier)  # none of them came so far
    assert not hopeless([], earlier)
