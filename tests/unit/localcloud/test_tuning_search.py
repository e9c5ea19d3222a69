"""A tuning job's search: ranges and their scales, and that the Bayesian one finds more than chance does."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median
from typing import Any

import pytest

from kennel.localcloud.services.sagemaker.tuning import ranges as tuning_ranges
from kennel.localcloud.services.sagemaker.tuning.early_stopping import worse_than_median
from kennel.localcloud.services.sagemaker.tuning.observation import Observation
from kennel.localcloud.services.sagemaker.tuning.ranges import NumberRange, Range, RangeError
from kennel.localcloud.services.sagemaker.tuning.search import (
    BayesianSearch,
    GridSearch,
    RandomSearch,
    SearchStrategy,
)

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def number(name: str, minimum: str, maximum: str, scaling: str = "Auto") -> dict[str, str]:
    return {"Name": name, "MinValue": minimum, "MaxValue": maximum, "ScalingType": scaling}


def read(**ranges: list[dict[str, Any]]) -> tuple[Range, ...]:
    return tuning_ranges.read({f"{kind}ParameterRanges": definitions for kind, definitions in ranges.items()})


def number_range(kind: str, definition: dict[str, str]) -> NumberRange:
    (range_,) = read(**{kind: [definition]})
    assert isinstance(range_, NumberRange)
    return range_


HEAD = read(
    Continuous=[number("lr", "0.0001", "1"), number("dropout", "0", "0.6")],
    Integer=[number("batch", "16", "256", "Logarithmic")],
    Categorical=[{"Name": "width", "Values": ["0", "128", "512"]}],
)


def loss_of(values: dict[str, str]) -> float:
    """Return a loss that is lowest, 0, at lr 0.01, dropout 0.2, batch 64, width 128."""
    return (
        (math.log10(float(values["lr"])) + 2) ** 2
        + 4 * (float(values["dropout"]) - 0.2) ** 2
        + 0.1 * math.log2(int(values["batch"]) / 64) ** 2
        + {"0": 0.3, "128": 0.0, "512": 0.6}[values["width"]]
    )


def run(search: SearchStrategy, loss: Callable[[dict[str, str]], float], trials: int) -> list[Observation]:
    observations: list[Observation] = []
    for _ in range(trials):
        values = search.next(observations)
        assert values is not None
        observations.append(Observation(values, loss(values)))
    return observations


def values_of(observations: list[Observation], name: str) -> list[str]:
    return [observation.values[name] for observation in observations]


def best(observations: list[Observation]) -> float:
    return min(observation.loss for observation in observations if observation.loss is not None)


@pytest.mark.parametrize("scaling", ["Linear", "Logarithmic", "ReverseLogarithmic"])
def test_the_limits_of_a_range_can_be_reached_and_not_passed(scaling: str) -> None:
    range_ = number_range("Continuous", number("lr", "0.001", "0.1", scaling))
    limits = [float(range_.text(number)) for number in (range_.low, range_.high)]
    assert limits == pytest.approx([0.001, 0.1])
    assert (range_.text(range_.low - 1e-9), range_.text(range_.high + 1e-9)) == ("0.001", "0.1")
    assert (range_.number("0.001"), range_.number("0.1")) == (range_.low, range_.high)


def sample(range_: Range, count: int = 300) -> list[str]:
    """Return what random searches of as many seeds begin with."""
    suggestions = [RandomSearch((range_,), seed).next([]) for seed in range(count)]
    return [values[range_.name] for values in suggestions if values]


def test_logarithmic_scaling_samples_each_decade_alike() -> None:
    range_ = number_range("Continuous", number("lr", "0.0001", "1", "Logarithmic"))
    decades = [math.floor(math.log10(float(lr))) for lr in sample(range_)]
    assert [decades.count(decade) for decade in (-4, -3, -2, -1)] == pytest.approx([75] * 4, abs=25)


def test_reverse_logarithmic_scaling_looks_closer_near_one() -> None:
    range_ = number_range("Continuous", number("momentum", "0.9", "0.999", "ReverseLogarithmic"))
    middle = (range_.low + range_.high) / 2
    assert float(range_.text(middle)) == pytest.approx(1 - math.sqrt(0.1 * 0.001))
    near = sum(float(momentum) > 0.99 for momentum in sample(range_))
    assert near == pytest.approx(150, abs=30)  # of 300; a linear scale gives 27


@pytest.mark.parametrize("scaling", ["Linear", "Logarithmic"])
def test_every_integer_comes_and_nothing_beyond(scaling: str) -> None:
    values = sample(number_range("Integer", number("n", "1", "4", scaling)))
    assert set(values) == {"1", "2", "3", "4"}
    if scaling == "Linear":
        assert values.count("1") == pytest.approx(75, abs=25)


def test_auto_takes_the_logarithm_of_wide_ranges_only() -> None:
    ranges = read(Continuous=[number("a", "1e-4", "1e-1"), number("b", "0", "1"), number("c", "1", "50")])
    scalings = [range_.scaling for range_ in ranges if isinstance(range_, NumberRange)]
    assert scalings == ["Logarithmic", "Linear", "Linear"]


@pytest.mark.parametrize("scaling", ["Linear", "Logarithmic", "ReverseLogarithmic"])
def test_a_value_keeps_its_number(scaling: str) -> None:
    range_ = number_range("Continuous", number("x", "0.1", "0.99", scaling))
    assert float(range_.text(range_.number("0.7"))) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("ranges", "message"),
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
def test_an_invalid_range_is_named(ranges: dict[str, Any], message: str) -> None:
    with pytest.raises(RangeError, match=message):
        tuning_ranges.read(ranges)


def test_bayesian_search_beats_chance_on_every_seed() -> None:
    bayesian = [best(run(BayesianSearch(HEAD, seed), loss_of, 20)) for seed in range(3)]
    random = [best(run(RandomSearch(HEAD, seed), loss_of, 20)) for seed in range(3)]
    assert median(bayesian) < 0.2 * median(random)
    assert all(b < r for b, r in zip(bayesian, random, strict=True))


@pytest.mark.parametrize("strategy", [BayesianSearch, RandomSearch])
def test_the_same_seed_searches_alike_and_another_does_not(strategy: type[SearchStrategy]) -> None:
    first, again, other = (run(strategy(HEAD, seed), loss_of, 10) for seed in (3, 3, 4))
    assert first == again != other


@pytest.mark.parametrize("trials", [2, 8])  # while points fill the space, and by the model
def test_running_trials_are_not_chosen_twice(trials: int) -> None:
    search = BayesianSearch(HEAD, 0)
    observations = run(search, loss_of, trials)
    values = search.next(observations)
    assert values is not None
    assert search.next([*observations, Observation(values, None)]) != values


def test_failed_trials_and_diverged_ones_do_not_worsen_the_search() -> None:
    def loss(values: dict[str, str]) -> float:
        if float(values["lr"]) > 0.2:
            return math.inf
        return 1e6 if float(values["lr"]) > 0.1 else loss_of(values)

    assert max(best(run(BayesianSearch(HEAD, seed), loss, 20)) for seed in range(2)) < 0.1


def test_a_grid_has_every_combination_once() -> None:
    choices = [{"Name": "a", "Values": ["1", "2"]}, {"Name": "b", "Values": ["x", "y", "z"]}]
    search = GridSearch(read(Categorical=choices), seed=0)
    observations = run(search, lambda values: 0.0, 6)
    assert len({tuple(observation.values.items()) for observation in observations}) == 6
    assert search.next(observations) is None


def test_a_grid_does_not_repeat_what_still_runs() -> None:
    search = GridSearch(read(Categorical=[{"Name": "a", "Values": ["1", "2", "3"]}]), seed=0)
    running: list[Observation] = []
    while (values := search.next(running)) is not None:
        running.append(Observation(values, None))
    assert sorted(values_of(running, "a")) == ["1", "2", "3"]


def test_a_trial_worse_than_the_median_is_stopped() -> None:
    earlier = [[1.0, 0.8, 0.6], [1.0, 0.6, 0.2], [1.0, 0.7, 0.4]]  # averages of two epochs: 0.9, 0.8, 0.85
    assert worse_than_median([1.0, 0.86], earlier)
    assert not worse_than_median([1.0, 0.84], earlier)
    assert not worse_than_median([1.0, 0.9], earlier[:2])  # too few trials
    assert not worse_than_median([1.0, 1.0, 1.0, 9.0], earlier)  # none of them ran as long
    assert not worse_than_median([], earlier)
