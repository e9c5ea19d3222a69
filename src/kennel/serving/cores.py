"""How the cores of an instance are shared between the requests that are worked on at the same time.

A request is decoded, which uses one core, and then classified, which can use all of them. By default as many
requests are worked on as there are cores, and one of them at a time is classified, with all cores, while
others are decoded. On two cores this answered a single client as fast as one worker with two threads, and
four clients 1.5 times as fast (docs/serving.md).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

WORKERS = "SAGEMAKER_MODEL_SERVER_WORKERS"
THREADS = "OMP_NUM_THREADS"


@dataclass(frozen=True)
class Allocation:
    """How many requests are worked on at once, and how many threads classify them.

    Parameters
    ----------
    workers
        Requests that are worked on at the same time, each by one thread; others wait.
    streams
        Requests of these that are classified at the same time; at most ``workers``.
    threads
        Threads that classify one request; ``streams`` x ``threads`` is at most the number of cores.
    """

    workers: int
    streams: int
    threads: int


def available() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def allocate(environment: Mapping[str, str], cores: int) -> Allocation:
    """Return an allocation in which neither workers nor streams x threads exceed the cores.

    ``SAGEMAKER_MODEL_SERVER_WORKERS`` sets workers and streams, ``OMP_NUM_THREADS`` the threads, as in AWS's
    images. What exceeds the cores is lowered, and what is not set follows from the cores.
    """
    workers, threads = _number(environment, WORKERS), _number(environment, THREADS)
    if workers is None:
        threads = min(threads or cores, cores)
        return Allocation(cores, cores // threads, threads)
    workers = min(workers, cores)
    share = cores // workers
    return Allocation(workers, workers, min(threads or share, share))


def _number(environment: Mapping[str, str], name: str) -> int | None:
    value = environment.get(name, "").strip()
    return int(value) if value.isdecimal() and int(value) > 0 else None
