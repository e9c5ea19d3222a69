"""How a tuning job chooses its trials: SageMaker's strategies, each one of Optuna's samplers.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-how-it-works.html

A study lives in memory for one suggestion: it is filled with the trials so far, asked once, and dropped. So a
suggestion depends on the seed and the trials alone, and what a loss counts for may change as more are known.
Optuna takes 0.5 s to import and its Gaussian process 5 s and 600 MB: `search_process` runs this, not the
service (docs/decisions/optuna.md).
"""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Sequence
from importlib import import_module
from statistics import median

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.samplers import BaseSampler, BruteForceSampler, GPSampler, QMCSampler, RandomSampler
from optuna.trial import TrialState, create_trial

from kennel.localcloud.services.sagemaker.tuning.observation import Observation, Values
from kennel.localcloud.services.sagemaker.tuning.ranges import CategoricalRange, Range

ATTEMPTS = 20  # at hyperparameters that no trial has; a few discrete ranges have no more

optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)  # BruteForceSampler


class SearchStrategy:
    """A strategy.

    Parameters
    ----------
    ranges
        What to search.
    seed
        Two searches with one seed that see the same trials suggest the same.
    """

    def __init__(self, ranges: Sequence[Range], seed: int) -> None:
        self.ranges, self.seed = ranges, seed
        self._distributions = {range_.name: _distribution(range_) for range_ in ranges}

    def next(self, observations: Sequence[Observation]) -> Values | None:
        """Return the hyperparameters of the next trial, new ones if possible.

        Parameters
        ----------
        observations
            All trials so far, in the order of their start.

        Returns
        -------
        None if there is nothing left to try.
        """
        study = self._study(observations)
        return self._new_values(study, observations)

    def prepare(self, count: int) -> None:
        """Import what a suggestion after `count` trials needs, while the trials before it run."""

    def _sampler(self, observations: Sequence[Observation]) -> BaseSampler:
        raise NotImplementedError

    def _study(self, observations: Sequence[Observation]) -> optuna.Study:
        study = optuna.create_study(sampler=self._sampler(observations))
        losses = iter(_clipped([trial.loss for trial in observations if trial.loss is not None]))
        for observation in observations:
            running = observation.loss is None
            study.add_trial(
                create_trial(
                    state=TrialState.RUNNING if running else TrialState.COMPLETE,
                    value=None if running else next(losses),
                    params={
                        range_.name: _parameter(range_, observation.values[range_.name])
                        for range_ in self.ranges
                    },
                    distributions=self._distributions,
                )
            )
        return study

    def _new_values(self, study: optuna.Study, observations: Sequence[Observation]) -> Values:
        """Ask a study for hyperparameters that no trial has; return known ones if it finds no others."""
        known = [observation.values for observation in observations]
        for _ in range(ATTEMPTS):
            values = self._values(study.ask(self._distributions))
            if values not in known:
                break
        return values

    def _values(self, trial: optuna.Trial) -> Values:
        return {range_.name: _text(range_, trial.params[range_.name]) for range_ in self.ranges}

    def _seed(self, count: int) -> int:
        """Return the seed of the suggestion after `count` trials: each draws random numbers of its own."""
        return random.Random(f"{self.seed}/{count}").getrandbits(32)  # noqa: S311 - a search, not a secret


class RandomSearch(SearchStrategy):
    """Any point is as likely as any other."""

    def _sampler(self, observations: Sequence[Observation]) -> BaseSampler:
        return RandomSampler(seed=self._seed(len(observations)))


class GridSearch(SearchStrategy):
    """Every combination of categorical hyperparameters once, as SageMaker's grids are."""

    def next(self, observations: Sequence[Observation]) -> Values | None:
        """Return a combination that was not tried; None after the last."""
        combinations = math.prod(
            len(range_.values) for range_ in self.ranges if isinstance(range_, CategoricalRange)
        )
        return super().next(observations) if len(observations) < combinations else None

    def _sampler(self, observations: Sequence[Observation]) -> BaseSampler:
        return BruteForceSampler(seed=self._seed(len(observations)))


class BayesianSearch(SearchStrategy):
    """First points that fill the space evenly, then those where a Gaussian process expects most improvement.

    A trial that still runs counts as pending, so that two at a time do not get the same; one that ended
    without an objective counts as the worst, so that its neighbourhood is avoided.

    Attributes
    ----------
    initial : int
        How many points fill the space: two for each dimension, at least 4 and at most 8, measured better than
        one for each (docs/decisions/optuna.md).
    """

    def __init__(self, ranges: Sequence[Range], seed: int) -> None:
        super().__init__(ranges, seed)
        self.initial = min(max(4, 2 * len(ranges)), 8)

    def next(self, observations: Sequence[Observation]) -> Values | None:
        """Return the hyperparameters of the next trial."""
        if self._model_ready(observations):
            return super().next(observations)
        study = optuna.create_study(
            sampler=QMCSampler(scramble=True, seed=self.seed % 2**32, warn_independent_sampling=False)
        )
        for _ in observations:  # the n-th point of the study's sequence comes after n - 1 others
            study.ask(self._distributions)
        return self._new_values(study, observations)

    def prepare(self, count: int) -> None:
        """Import the Gaussian process's libraries before its first suggestion."""
        if count == self.initial:
            for library in ("scipy.optimize", "torch"):
                import_module(library)

    def _model_ready(self, observations: Sequence[Observation]) -> bool:
        """Whether the trials so far are enough for a model."""
        finite = [trial for trial in observations if trial.loss is not None and math.isfinite(trial.loss)]
        return len(observations) >= self.initial and len(finite) >= 2

    def _sampler(self, observations: Sequence[Observation]) -> BaseSampler:
        return GPSampler(
            seed=self._seed(len(observations)), n_startup_trials=0, warn_independent_sampling=False
        )


STRATEGIES: dict[str, type[SearchStrategy]] = {
    "Bayesian": BayesianSearch,
    "Grid": GridSearch,
    "Random": RandomSearch,
}


def _distribution(range_: Range) -> BaseDistribution:
    if isinstance(range_, CategoricalRange):
        return CategoricalDistribution(range_.values)
    # Integers too: Optuna's Gaussian process takes twice as long over whole numbers, for the same results.
    return FloatDistribution(range_.low, range_.high, log=range_.logarithmic)


def _parameter(range_: Range, text: str) -> str | float:
    """Return a hyperparameter as Optuna's trials have it."""
    return text if isinstance(range_, CategoricalRange) else range_.number(text)


def _text(range_: Range, parameter: str | float) -> str:
    """Return a hyperparameter of one of Optuna's trials as a training job gets it."""
    return str(parameter) if isinstance(range_, CategoricalRange) else range_.text(float(parameter))


def _clipped(losses: Sequence[float]) -> list[float]:
    """Return losses, those far above the rest (a diverged training, a failed trial) drawn nearer.

    Otherwise a loss of 50 among losses of 0.5 hides every difference that matters.
    """
    finite = [loss for loss in losses if math.isfinite(loss)]
    if not finite:
        return [0.0] * len(losses)
    middle = median(finite)
    limit = middle + 2.0 * (middle - min(finite))
    return [min(loss, limit) for loss in losses]
