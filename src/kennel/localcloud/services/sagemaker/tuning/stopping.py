"""Early stopping of trials that are worse than the others were at the same point: SageMaker's median rule.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median

# AWS does not say how many it wants; the median of fewer says nothing about a trial.
FEWEST = 3


def hopeless(losses: Sequence[float], earlier: Sequence[Sequence[float]]) -> bool:
    """Tell whether a trial should be stopped.

    For each earlier trial the running average of its objective up to the current epoch is taken; a trial
    whose own current value is worse than the median of these averages is not worth going on with.

    Parameters
    ----------
    losses
        The trial's objective after each epoch so far, the smaller the better.
    earlier
        The same of trials that are over.
    """
    epoch = len(losses)
    reached = [other for other in earlier if len(other) >= epoch]
    if not epoch or len(reached) < FEWEST:
        return False
    return losses[-1] > median(fmean(other[:epoch]) for other in reached)
