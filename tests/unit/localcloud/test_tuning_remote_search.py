"""A tuning job's search in a process of its own: the same suggestions, its failures, its end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime.supervisor import supervisors
from kennel.localcloud.services.sagemaker.tuning import ranges
from kennel.localcloud.services.sagemaker.tuning.observation import Observation, Values
from kennel.localcloud.services.sagemaker.tuning.remote_search import RemoteSearch, SearchError

RANGES: dict[str, Any] = {
    "ContinuousParameterRanges": [{"Name": "lr", "MinValue": "0.001", "MaxValue": "0.1"}],
    "CategoricalParameterRanges": [{"Name": "width", "Values": ["0", "128"]}],
}
SECONDS = 120


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path, port=1)
    yield cloud
    cloud.shutdown()


def result(suggestion: Future[Values | None]) -> Values | None:
    return suggestion.result(SECONDS)


def test_suggestions_are_those_of_the_strategy(cloud: Cloud) -> None:
    from kennel.localcloud.services.sagemaker.tuning.search import RandomSearch

    local, remote = RandomSearch(ranges.read(RANGES), seed=5), RemoteSearch(cloud, "Random", RANGES, seed=5)
    observations: list[Observation] = []
    for loss in (1.0, float("inf"), None):
        values = result(remote.suggest(observations))
        assert values is not None
        assert values == local.next(observations)
        observations.append(Observation(values, loss))
    remote.close()


def test_the_end_of_a_grid_is_reported(cloud: Cloud) -> None:
    only = {"CategoricalParameterRanges": [{"Name": "width", "Values": ["128"]}]}
    search = RemoteSearch(cloud, "Grid", only, seed=0)
    assert result(search.suggest([])) == {"width": "128"}
    assert result(search.suggest([Observation({"width": "128"}, 1.0)])) is None
    search.close()


def test_a_failure_is_reported_with_its_cause(cloud: Cloud) -> None:
    search = RemoteSearch(cloud, "Imagined", RANGES, seed=0)
    with pytest.raises(SearchError, match="KeyError: 'Imagined'"):
        result(search.suggest([]))
    search.close()


def test_closing_ends_the_process(cloud: Cloud) -> None:
    search = RemoteSearch(cloud, "Random", RANGES, seed=0)
    result(search.suggest([]))
    (process,) = supervisors(cloud).alive()
    search.close()
    process.wait(SECONDS)
    assert supervisors(cloud).alive() == []


def test_a_process_that_was_killed_is_reported_and_can_be_closed(cloud: Cloud) -> None:
    search = RemoteSearch(cloud, "Random", RANGES, seed=0)
    result(search.suggest([]))
    (process,) = supervisors(cloud).alive()
    process.kill()
    process.wait(SECONDS)
    with pytest.raises(SearchError, match="its process has ended"):
        result(search.suggest([]))
    search.close()  # an error here would leave the tuning job and its trials running


def test_the_service_starts_without_optuna_and_numpy() -> None:
    program = (
        "import sys, kennel.localcloud.services.sagemaker.tuning.api\n"
        "print(*sorted({'numpy', 'optuna', 'scipy', 'torch'} & set(sys.modules)))"
    )
    source = str(Path(ranges.__file__).parents[5])
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == ""
