"""Data that are some hours old: kept as long as AWS keeps them, in ever longer periods and in little memory.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator

from kennel.localcloud.runtime.metrics.distribution import Distribution

DAY = 24 * 3600
MOST_VALUES = 64  # different values that are kept of a period
LENGTH = 60  # periods of a block: what is aggregated at once
# Periods in seconds, and how long their data are kept before the next, longer periods take them.
KEPT = ((60, 15 * DAY), (300, 63 * DAY), (3600, 455 * DAY))

Bucket = tuple[int, Distribution]


class Block:
    """Some periods, packed: their begins, four figures each, and their values with counts."""

    __slots__ = ("_begins", "_complete", "_ends", "_figures", "_values")

    def __init__(self, buckets: Iterable[Bucket]) -> None:
        self._begins, self._complete, self._ends = array("q"), bytearray(), array("L")
        self._figures, self._values = array("d"), array("d")
        for at, distribution in buckets:
            self._begins.append(at)
            self._complete.append(distribution.complete)
            self._figures.extend(distribution.figures)
            for value, count in distribution.few_values(MOST_VALUES) if distribution.complete else ():
                self._values.extend((value, count))
            self._ends.append(len(self._values))

    def __len__(self) -> int:
        return len(self._begins)

    def __iter__(self) -> Iterator[Bucket]:
        begin = 0
        for place, at in enumerate(self._begins):
            end = self._ends[place]
            figures, values = self._figures[4 * place : 4 * place + 4], self._values[begin:end]
            pairs = zip(values[::2], values[1::2], strict=True)
            yield at, Distribution.of(tuple(figures), bool(self._complete[place]), pairs)
            begin = end

    def __getstate__(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __setstate__(self, state: tuple[object, ...]) -> None:
        for name, value in zip(self.__slots__, state, strict=True):
            setattr(self, name, value)


class Tier:
    """The data of periods of one length, in blocks by their begins."""

    def __init__(self, step: int, kept: int) -> None:
        self.step, self.kept, self._span = step, kept, LENGTH * step
        self.blocks: dict[int, Block] = {}

    def add(self, buckets: Iterable[Bucket]) -> None:
        """Add data of shorter or equal periods."""
        by_block: dict[int, dict[int, Distribution]] = {}
        for at, distribution in buckets:
            begin = at // self.step * self.step
            block = begin // self._span * self._span
            if block not in by_block:
                by_block[block] = dict(self.blocks.get(block, ()))
            by_block[block].setdefault(begin, Distribution()).merge(distribution)
        for block, periods in by_block.items():
            self.blocks[block] = Block(sorted(periods.items(), key=lambda bucket: bucket[0]))

    def older(self, newest: float) -> Iterator[Bucket]:
        """Remove the blocks that are older than this tier keeps data, and yield what they held."""
        for begin in [begin for begin in self.blocks if begin + self._span <= newest - self.kept]:
            yield from self.blocks.pop(begin)

    def between(self, start: float, end: float) -> Iterator[Bucket]:
        """Yield what begins in [start, end), by time."""
        for begin in sorted(begin for begin in self.blocks if start - self._span < begin < end):
            for at, distribution in self.blocks[begin]:
                if start <= at < end:
                    yield at, distribution


class Retention:
    """What is kept of one series."""

    def __init__(self) -> None:
        self.tiers = [Tier(step, kept) for step, kept in KEPT]

    def add(self, buckets: Iterable[Bucket], newest: float) -> None:
        """Add minutes, and let what is too old for its tier go to the next one.

        Parameters
        ----------
        newest
            When the newest minute of the series begins.
        """
        for tier in self.tiers:
            tier.add(buckets)
            buckets = list(tier.older(newest))

    def between(self, start: float, end: float, period: int, newest: float) -> Iterator[Bucket]:
        """Yield what begins in [start, end) and was kept for periods as short as `period`, by time."""
        for tier, longer in reversed(list(zip(self.tiers, [*self.tiers[1:], None], strict=True))):
            if period % tier.step:
                continue
            aggregated = longer is not None and period % longer.step == 0
            oldest = -math.inf if aggregated else newest - tier.kept
            yield from tier.between(max(start, oldest), end)
