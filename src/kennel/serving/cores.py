"""How the cores of an instance are shared: workers that answer requests, and threads of each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

WORKERS = "SAGEMAKER_MODEL_SERVER_WORKERS"
THREADS = "OMP_NUM_THREADS"


@dataclass(frozen=True)
class Allocation:
    """How many requests are worked on at once, and how many threads compute each; the product is a limit.

    Parameters
    ----------
    workers
        Requests that are decoded and classified at the same time; others wait.
    threads
        Threads that the runtime computes one request's logits with.
    """

    workers: int
    threads: int


def available() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def allocate(environment: Mapping[str, str], cores: int) -> Allocation:
    """Return workers and threads, so that workers x threads is at most the number of cores.

    ``SAGEMAKER_MODEL_SERVER_WORKERS`` sets the workers, ``OMP_NUM_THREADS`` the threads, as in AWS's images;
    what exceeds the cores is lowered, and what is not set follows from the other. If neither is set, one
    worker uses all cores: a request is then answered soonest.
    """
    workers, threads = _number(environment, WORKERS), _number(environment, THREADS)
    if workers is None:
        workers = cores // threads if threads else 1
    workers = max(1, min(workers, cores))
    share = max(1, cores // workers)
    return Allocation(workers, min(threads, share) if threads else share)


def _number(environment: Mapping[str, str], name: str) -> int | None:
    value = environment.get(name, "").strip()
    return int(value) if value.isdecimal() and int(value) > 0 else None
