"""How well the local cloud's tuning strategies search: mean regret on known functions, time of a suggestion.

Run it with `PYTHONPATH=src .venv/bin/python benchmarks/tuning_search.py`; some 10 minutes on a quiet core.

Regret is the loss of the best trial above the lowest loss there is. On the function with noise the best trial
is the one that looks best, its loss the one without noise. With two trials at a time a suggestion does not
know the result of the trial before it. The second table is early stopping: how often Optuna's `MedianPruner`
and SageMaker's published rule disagree about a trial after an epoch.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.samplers import BaseSampler, TPESampler

from kennel.localcloud.services.sagemaker.tuning import ranges
from kennel.localcloud.services.sagemaker.tuning.early_stopping import MINIMUM_TRIALS, worse_than_median
from kennel.localcloud.services.sagemaker.tuning.observation import Observation, Values
from kennel.localcloud.services.sagemaker.tuning.ranges import CategoricalRange, NumberRange, Range
from kennel.localcloud.services.sagemaker.tuning.search import (
    BayesianSearch,
    GridSearch,
    RandomSearch,
    SearchStrategy,
)


class TpeSearch(SearchStrategy):
    """Optuna's tree-structured Parzen estimator with its own settings, for comparison."""

    def _sampler(self, observations: Sequence[Observation]) -> BaseSampler:
        return TPESampler(seed=self._seed(len(observations)))


SEARCHES: dict[str, type[SearchStrategy]] = {
    "Bayesian": BayesianSearch,
    "Random": RandomSearch,
    "Grid": GridSearch,
    "TPE": TpeSearch,
}


def number(name: str, minimum: float, maximum: float, scaling: str = "Linear") -> dict[str, str]:
    """Return a range as SageMaker's API has it."""
    return {"Name": name, "MinValue": str(minimum), "MaxValue": str(maximum), "ScalingType": scaling}


BRANIN = {"ContinuousParameterRanges": [number("x", -5, 10), number("y", 0, 15)]}
HARTMANN = {"ContinuousParameterRanges": [number("a", 0, 1), number("b", 0, 1), number("c", 0, 1)]}
VALLEY = {
    "ContinuousParameterRanges": [
        number("lr", 1e-5, 1, "Logarithmic"),
        number("momentum", 0.5, 0.999, "ReverseLogarithmic"),
    ],
    "IntegerParameterRanges": [number("batch", 16, 512, "Logarithmic")],
    "CategoricalParameterRanges": [{"Name": "optimizer", "Values": ["sgd", "adamw", "rmsprop"]}],
}
HEAD = {
    "ContinuousParameterRanges": [number("lr", 1e-4, 1, "Logarithmic"), number("dropout", 0, 0.6)],
    "IntegerParameterRanges": [number("batch", 16, 256, "Logarithmic")],
    "CategoricalParameterRanges": [{"Name": "width", "Values": ["0", "128", "512"]}],
}
HARTMANN_A = ((3, 10, 30), (0.1, 10, 35), (3, 10, 30), (0.1, 10, 35))
HARTMANN_P = (
    (0.3689, 0.1170, 0.2673),
    (0.4699, 0.4387, 0.7470),
    (0.1091, 0.8732, 0.5547),
    (0.0381, 0.5743, 0.8828),
)


def branin(values: Values) -> float:
    """https://www.sfu.ca/~ssurjano/branin.html, less its lowest value."""
    x, y = float(values["x"]), float(values["y"])
    parabola = (y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6) ** 2
    return parabola + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.397887


def hartmann(values: Values) -> float:
    """https://www.sfu.ca/~ssurjano/hart3.html, less its lowest value."""
    point = [float(values[name]) for name in "abc"]
    loss = 3.86278
    for weight, scales, centre in zip((1.0, 1.2, 3.0, 3.2), HARTMANN_A, HARTMANN_P, strict=True):
        exponent = sum(a * (x - p) ** 2 for a, x, p in zip(scales, point, centre, strict=True))
        loss -= weight * math.exp(-exponent)
    return loss


def valley(values: Values) -> float:
    """Return a loss with a valley along lr / (1 - momentum) / batch, above which training diverges."""
    lr, momentum, batch = float(values["lr"]), float(values["momentum"]), int(values["batch"])
    effective = math.log10(lr / (1 - momentum) * 32 / batch)
    if effective > 0.6:
        return 20 + 10 * effective
    optimizer = {"adamw": 0.0, "sgd": 0.08, "rmsprop": 0.15}[values["optimizer"]]
    return 0.15 * (effective + 1) ** 2 + 0.015 * math.log2(batch / 64) ** 2 + optimizer


def head(values: Values) -> float:
    """Return a loss like a classifier head's: lowest at lr 0.01, dropout 0.2, batch 64, width 128."""
    return (
        (math.log10(float(values["lr"])) + 2) ** 2
        + 4 * (float(values["dropout"]) - 0.2) ** 2
        + 0.1 * math.log2(int(values["batch"]) / 64) ** 2
        + {"0": 0.3, "128": 0.0, "512": 0.6}[values["width"]]
    )


def failing(values: Values) -> float:
    """Return `head`'s loss, huge above lr 0.1; above 0.2 there is no objective."""
    lr = float(values["lr"])
    return math.inf if lr > 0.2 else 1e6 if lr > 0.1 else head(values)


@dataclass(frozen=True)
class Problem:
    """A function to minimise over SageMaker's ranges; its lowest value is 0."""

    ranges: dict[str, Any]
    loss: Callable[[Values], float]
    noise: float = 0.0


PROBLEMS = {
    "Branin": Problem(BRANIN, branin),
    "Hartmann 3": Problem(HARTMANN, hartmann),
    "valley": Problem(VALLEY, valley),
    "head": Problem(HEAD, head),
    "head, noisy": Problem(HEAD, head, noise=0.15),
    "head, failing": Problem(HEAD, failing),
}


def grid(tuned: Sequence[Range], trials: int) -> tuple[Range, ...]:
    """Return categorical ranges of at most `trials` combinations that stand evenly in the given ones."""
    numbers = [range_ for range_ in tuned if isinstance(range_, NumberRange)]
    choices = math.prod(len(range_.values) for range_ in tuned if isinstance(range_, CategoricalRange))
    levels = {range_.name: 1 for range_ in numbers}
    for range_ in itertools.cycle(numbers):  # one level more for each in turn, while it fits
        raised = {**levels, range_.name: levels[range_.name] + 1}
        if choices * math.prod(raised.values()) > trials:
            break
        levels = raised
    return tuple(
        range_ if isinstance(range_, CategoricalRange) else _levels(range_, levels) for range_ in tuned
    )


def _levels(range_: NumberRange, levels: dict[str, int]) -> CategoricalRange:
    count = levels[range_.name]
    low, high = (math.log(x) if range_.logarithmic else x for x in (range_.low, range_.high))
    places = [low + (high - low) * (i + 0.5) / count for i in range(count)]
    numbers = [math.exp(place) if range_.logarithmic else place for place in places]
    return CategoricalRange(range_.name, tuple(range_.text(x) for x in numbers))


def regret(name: str, problem: Problem, seed: int, trials: int, parallel: int) -> tuple[float, list[float]]:
    """Search once.

    Returns
    -------
    The regret after `trials` trials, and the CPU seconds of each suggestion of the second half.
    """
    tuned, noise = ranges.read(problem.ranges), random.Random(seed)  # noqa: S311 - noise, not secrets
    search = SEARCHES[name](grid(tuned, trials) if name == "Grid" else tuned, seed)
    ended: list[Observation] = []
    seconds = []
    for _ in range(trials):
        running = len(ended) - (parallel - 1)
        visible = [Observation(o.values, o.loss if i < running else None) for i, o in enumerate(ended)]
        started = time.process_time()
        values = search.next(visible)
        seconds.append(time.process_time() - started)
        if values is None:
            break
        ended.append(Observation(values, problem.loss(values) + noise.gauss(0, problem.noise)))
    best = min(ended, key=lambda observation: observation.loss or 0.0)
    return problem.loss(best.values), seconds[trials // 2 :]


def search_table(options: argparse.Namespace) -> None:
    """Print the mean regrets, line by line as they are known."""
    print(f"Mean regret after {options.trials} trials, {options.seeds} seeds (median); CPU ms a suggestion\n")
    print("| function | at a time | " + " | ".join(options.searches) + " |")
    print("|---|---|" + "---|" * len(options.searches))
    for title in options.problems:
        for parallel in options.parallel:
            cells = []
            for name in options.searches:
                runs = [
                    regret(name, PROBLEMS[title], seed, options.trials, parallel)
                    for seed in range(options.seeds)
                ]
                losses = [loss for loss, _ in runs]
                seconds = statistics.fmean(second for _, suggestions in runs for second in suggestions)
                mean, middle = statistics.fmean(losses), statistics.median(losses)
                cells.append(f"{mean:.3g} ({middle:.3g}); {1000 * seconds:.0f} ms")
            print(f"| {title} | {parallel} | " + " | ".join(cells) + " |", flush=True)


def curve(generator: random.Random, epochs: int) -> list[float]:
    """Return a learning curve: an exponential fall to a level, with noise."""
    level, rate = generator.uniform(0.3, 1.0), generator.uniform(0.1, 0.8)
    return [level + math.exp(-rate * epoch) + generator.gauss(0, 0.05) for epoch in range(epochs)]


def pruner_decision(losses: Sequence[float], earlier: Sequence[Sequence[float]]) -> bool:
    """Return what `MedianPruner` decides about a trial, given the same as SageMaker's rule."""
    pruner = optuna.pruners.MedianPruner(n_startup_trials=MINIMUM_TRIALS, n_min_trials=MINIMUM_TRIALS)
    study = optuna.create_study(pruner=pruner)
    for other in earlier:
        study.add_trial(
            optuna.trial.create_trial(value=other[-1], intermediate_values=dict(enumerate(other)))
        )
    trial = study.ask()
    for epoch, loss in enumerate(losses):
        trial.report(loss, epoch)
    return trial.should_prune()


def stopping_table(seeds: int) -> None:
    """Print how often the two rules for early stopping disagree."""
    epochs, earlier_trials = 10, 8
    sagemaker = pruner = both = total = 0
    for seed in range(seeds):
        generator = random.Random(seed)  # noqa: S311 - a simulation, not secrets
        earlier = [curve(generator, epochs) for _ in range(earlier_trials)]
        losses = curve(generator, epochs)
        for epoch in range(1, epochs + 1):
            ours, optunas = (
                worse_than_median(losses[:epoch], earlier),
                pruner_decision(losses[:epoch], earlier),
            )
            total, sagemaker, pruner = total + 1, sagemaker + ours, pruner + optunas
            both += ours and optunas
    print(f"\nEarly stopping, {total} decisions about simulated learning curves\n")
    print("| SageMaker's rule stops | MedianPruner stops | both stop | they disagree |\n|---|---|---|---|")
    disagreement = (sagemaker + pruner - 2 * both) / total
    print(f"| {sagemaker / total:.0%} | {pruner / total:.0%} | {both / total:.0%} | {disagreement:.0%} |")


def main() -> None:
    """Read the arguments and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--parallel", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    parser.add_argument("--searches", nargs="+", choices=SEARCHES, default=list(SEARCHES))
    options = parser.parse_args()
    search_table(options)
    stopping_table(10 * options.seeds)


if __name__ == "__main__":
    main()
