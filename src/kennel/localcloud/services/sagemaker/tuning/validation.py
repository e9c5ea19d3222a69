"""What CreateHyperParameterTuningJob refuses: requests that could only fail later.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
"""

from __future__ import annotations

import math
from typing import Any

from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.sagemaker.training.api import check, check_hosts
from kennel.localcloud.services.sagemaker.tuning import ranges


def check_tuning_job(parameters: dict[str, Any]) -> None:
    """Refuse a tuning job that the local cloud cannot run, or that AWS would not.

    Parameters
    ----------
    parameters
        CreateHyperParameterTuningJob's.

    Raises
    ------
    AwsError
        ``ValidationException``.
    """
    configuration = parameters["HyperParameterTuningJobConfig"]
    definition = parameters.get("TrainingJobDefinition")
    for name in ("TrainingJobDefinitions", "WarmStartConfig", "Autotune"):
        if parameters.get(name):
            raise _invalid(f"The local cloud tunes one TrainingJobDefinition from scratch, without {name}.")
    if not definition:
        raise _invalid("A TrainingJobDefinition must be given.")
    if configuration["Strategy"] == "Hyperband":
        raise _invalid("The local cloud searches with the strategies Bayesian, Random and Grid.")
    criteria = configuration.get("TuningJobCompletionCriteria") or {}
    if (criteria.get("ConvergenceDetected") or {}).get("CompleteOnConvergence") == "Enabled":
        raise _invalid("The local cloud does not detect convergence; use BestObjectiveNotImproving.")
    objective = configuration.get("HyperParameterTuningJobObjective")
    metrics = definition["AlgorithmSpecification"].get("MetricDefinitions") or []
    if not objective or objective["MetricName"] not in [metric["Name"] for metric in metrics]:
        raise _invalid("The objective metric must be one of the MetricDefinitions of the algorithm.")
    try:
        tuned = ranges.read(configuration.get("ParameterRanges") or {})
    except ranges.RangeError as error:
        raise _invalid(str(error)) from error
    both = {range_.name for range_ in tuned} & set(definition.get("StaticHyperParameters") or {})
    if both:
        raise _invalid(f"Hyperparameters are both static and tuned: {', '.join(sorted(both))}.")
    limit = configuration["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    if configuration["Strategy"] == "Grid":
        _check_grid(tuned, limit)
    elif not limit:
        raise _invalid("MaxNumberOfTrainingJobs must be given for this strategy.")
    check({**definition, "TrainingJobName": parameters["HyperParameterTuningJobName"]})
    check_hosts(definition, configuration["ResourceLimits"]["MaxParallelTrainingJobs"])


def _check_grid(tuned: tuple[ranges.Range, ...], limit: int | None) -> None:
    categorical = [range_ for range_ in tuned if isinstance(range_, ranges.CategoricalRange)]
    if len(categorical) < len(tuned):
        raise _invalid("Grid search takes categorical hyperparameters only.")
    combinations = math.prod(len(range_.values) for range_ in categorical)
    if limit and limit != combinations:
        raise _invalid(f"The grid has {combinations} combinations, MaxNumberOfTrainingJobs says {limit}.")


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)
