"""Many hosts: who takes part, what each one's share is, and how results come together."""

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
    """The processes of one training; with one of them, everything here is free of communication."""

    rank: int = 0
    count: int = 1

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
        found: list[Any] = [None] * self.count
        dist.all_gather_object(found, value)
        return found

    def gather_rows(self, rows: Tensor, total: int) -> Tensor:
        """Put together the rows of all processes' shares of ``total`` items, in the items' order.

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
        together = rows.new_empty((total, *rows.shape[1:]))
        for rank in range(self.count):
            theirs = Hosts(rank, self.count).share(total)
            if not theirs:
                continue
            part = rows.contiguous() if rank == self.rank else rows.new_empty((len(theirs), *rows.shape[1:]))
            dist.broadcast(part, src=rank)
            together[theirs.start : total : self.count] = part
        return together

    def mean(self, value: float, weight: float) -> float:
        """Return the weighted mean over all processes."""
        if self.count == 1:
            return value
        sums = torch.tensor([value * weight, weight], dtype=torch.float64)
        dist.all_reduce(sums)
        return (sums[0] / sums[1]).item()


def rendezvous(environment: Mapping[str, str]) -> tuple[Hosts, str] | None:
    """Read from the environment who takes part and where they meet; None if this process is alone.

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

    The gloo backend, also beside GPUs, since what crosses hosts here are features and metrics on the CPU;
    gradients on GPUs go through nccl.

    Raises
    ------
    TrainingError
        The others do not appear in time.
    """
    meeting = rendezvous(os.environ)
    if meeting is None:
        yield Hosts()
        return
    hosts, method = meeting
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        dist.init_process_group(backend, method, TIMEOUT, hosts.count, hosts.rank)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"host {hosts.rank + 1} of {hosts.count}: the others did not join: {error}"
        ) from error
    try:
        yield hosts
        # Without this the first to leave tears down the store that others still use, which aborts them.
        dist.barrier()
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        who = f"host {hosts.rank + 1} of {hosts.count}"
        raise TrainingError(f"{who}: another host ended before its work was done; see its log") from error
    finally:
        dist.destroy_process_group()
