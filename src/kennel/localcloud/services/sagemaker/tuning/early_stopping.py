"""Early stopping of trials that are worse than the others were at the same point: SageMaker's median rule.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html

Optuna's `MedianPruner` has another rule: it compares a trial's best value so far, not its current one, with
the median of the others' values, not of their running averages (docs/decisions/optuna.md: how often the two
disagree).
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median

# AWS does not publish the number; the median of fewer trials says nothing.
MINIMUM_TRIALS = 3


def worse_than_median(losses: Sequence[float], earlier: Sequence[Sequence[float]]) -> bool:
    """Return whether a trial should be stopped.

    For each earlier trial the running average of its objective up to the current epoch is taken; a trial
    whose own current value is worse than the median of these averages is stopped.

    Parameters
    ----------
    losses
        The trial's objective after each epoch so far, the smaller the better.
    earlier
        The same of trials that have ended. Those that ended before this epoch do not count.
    """
    epoch = len(losses)
    reached = [other for other in earlier if len(other) >= epoch]
    if not epoch or len(reached) < MINIMUM_TRIALS:
        return False
    return losses[-1] > median(fmean(other[:epoch]) for other in reached)
