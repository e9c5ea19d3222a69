"""Training on several hosts: which take part, what share of the work each has, how results are collected."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from kennel.classifier import TrainingError

PORT = 29_500  # torchrun's own default
TIMEOUT = timedelta(minutes=30)  # hosts wait for the slowest feature pass

T = TypeVar("T")


@dataclass(frozen=True)
class Hosts:
    """The processes of one training; if there is only one, nothing here communicates."""

    rank: int = 0
    count: int = 1

    @property
    def name(self) -> str:
        """How the log calls this process: ``host 1 of 2``."""
        return f"host {self.rank + 1} of {self.count}"

    @property
    def first(self) -> bool:
        """Whether this is the process that prints and writes."""
        return self.rank == 0

    def share(self, total: int) -> range:
        """Return the indices of ``total`` items that are this process's: every ``count``-th."""
        return range(self.rank, total, self.count)

    def gather(self, value: T) -> list[T]:
        """Return the values of all processes, by rank; small objects only."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        dist.all_gather_object(values, value)
        return values

    def gather_rows(self, rows: Tensor, total: int) -> Tensor:
        """Collect the rows of all processes' shares of ``total`` items, in the items' order.

        Parameters
        ----------
        rows
            This process's rows (len(share), ...), on the CPU.
        total
            Number of items over all processes.

        Returns
        -------
        Tensor
            (total, ...), the same on every process.
        """
        if self.count == 1:
            return rows
        collected = rows.new_empty((total, *rows.shape[1:]))
        for rank in range(self.count):
            share = Hosts(rank, self.count).share(total)
            if not share:
                continue
            part = rows.contiguous() if rank == self.rank else rows.new_empty((len(share), *rows.shape[1:]))
            dist.broadcast(part, src=rank)
            collected[share.start : total : self.count] = part
        return collected

    def mean(self, value: float, weight: float) -> float:
        """Return the weighted mean over all processes."""
        if self.count == 1:
            return value
        sums = torch.tensor([value * weight, weight], dtype=torch.float64)
        dist.all_reduce(sums)
        return (sums[0] / sums[1]).item()


def rendezvous(environment: Mapping[str, str]) -> tuple[Hosts, str] | None:
    """Read from the environment which processes take part and where they connect; None for a single process.

    torchrun sets RANK and WORLD_SIZE; SageMaker's older script mode starts one process on each of SM_HOSTS.

    Raises
    ------
    TrainingError
        The environment contradicts itself.
    """
    if int(environment.get("WORLD_SIZE") or 1) > 1:
        return Hosts(int(environment["RANK"]), int(environment["WORLD_SIZE"])), "env://"
    hosts = sorted(json.loads(environment.get("SM_HOSTS") or "[]"))
    if len(hosts) < 2 or "WORLD_SIZE" in environment:
        return None
    current = environment.get("SM_CURRENT_HOST")
    if current not in hosts:
        raise TrainingError(f"SM_CURRENT_HOST is {current!r}, which is none of SM_HOSTS {hosts}")
    address = environment.get("MASTER_ADDR") or hosts[0]
    port = environment.get("MASTER_PORT") or PORT
    return Hosts(hosts.index(current), len(hosts)), f"tcp://{address}:{port}"


@contextmanager
def joined() -> Iterator[Hosts]:
    """Join the other processes of this training for the length of a ``with`` block.

    Features and metrics are on the CPU and are exchanged through gloo, also where there are GPUs. Gradients
    on GPUs are exchanged through nccl.

    Raises
    ------
    TrainingError
        The other processes do not join in time, or one of them ended before its work was done.
    """
    group = rendezvous(os.environ)
    if group is None:
        yield Hosts()
        return
    hosts, method = group
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        dist.init_process_group(backend, method, TIMEOUT, hosts.count, hosts.rank)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(f"{hosts.name}: the others did not join: {error}") from error
    try:
        yield hosts
        # Without this the first process to end removes the store that others still use, which aborts them.
        dist.barrier()
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise TrainingError(
            f"{hosts.name}: another host ended before its work was done; see its log"
        ) from error
    finally:
        dist.destroy_process_group()
