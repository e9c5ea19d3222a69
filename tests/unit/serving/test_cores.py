"""Workers, streams and threads follow the cores, and what SageMaker's variables say."""

from __future__ import annotations

import pytest

from kennel.serving import cores
from kennel.serving.cores import Allocation


@pytest.mark.parametrize("count", [1, 2, 3, 4, 16, 96])
@pytest.mark.parametrize("workers", [None, "1", "3", "500"])
@pytest.mark.parametrize("threads", [None, "1", "2", "500"])
def test_no_more_is_done_at_once_than_there_are_cores(
    count: int, workers: str | None, threads: str | None
) -> None:
    environment = {cores.WORKERS: workers, cores.THREADS: threads}
    allocated = cores.allocate({name: value for name, value in environment.items() if value}, count)
    assert 1 <= allocated.streams <= allocated.workers <= count
    assert allocated.threads >= 1
    assert allocated.streams * allocated.threads <= count


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Allocation(8, 1, 8)),
        ({cores.WORKERS: "2"}, Allocation(2, 2, 4)),
        ({cores.THREADS: "2"}, Allocation(8, 4, 2)),
        ({cores.WORKERS: "4", cores.THREADS: "1"}, Allocation(4, 4, 1)),
        ({cores.WORKERS: "0", cores.THREADS: ""}, Allocation(8, 1, 8)),
        ({cores.WORKERS: "many", cores.THREADS: "-1"}, Allocation(8, 1, 8)),
    ],
)
def test_eight_cores_are_shared_as_the_variables_say(
    environment: dict[str, str], expected: Allocation
) -> None:
    assert cores.allocate(environment, 8) == expected
