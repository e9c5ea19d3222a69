"""How many training hosts this machine bears at a time: by its memory and its cores."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

HOST_BYTES = 1_150_000_000  # measured peaks: 955 MiB with the default network, 1090 MiB with ResNet-50
HOSTS_PER_CORE = 2  # more only take turns
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container


def hosts() -> int:
    """Return the most hosts that may run at a time, at least one."""
    return max(1, min(memory() // HOST_BYTES, cores() * HOSTS_PER_CORE))


def reason() -> str:
    """Return what limits the hosts: ``2 cores, 8 GB of memory``."""
    return f"{cores()} cores, {memory() / 1e9:.0f} GB of memory"


def cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> int:
    """Return the bytes of memory that processes here may take together."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):  # no such file, or "max"
        return min(physical, int(CGROUP_LIMIT.read_text()))
    return physical
