"""The feature pass: each picture through the frozen backbone once; a head then learns from what came out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kennel.classifier import TrainingError, pictures
from kennel.classifier.data.folder import Picture
from kennel.classifier.networks import Preprocessing


@dataclass
class Features:
    """Features of one split: values (N, F) float32, labels (N,) int64, and what was unreadable."""

    values: Tensor
    labels: Tensor
    unreadable: list[str]


def decoded(
    paths: Sequence[Path], prepared: Preprocessing, batch_size: int, workers: int
) -> Iterator[tuple[list[int], np.ndarray, list[str]]]:
    """Yield batches of pictures: indices, pixels (n, crop, crop, 3), and lines on unreadable ones.

    Decoding runs ahead in threads (Pillow releases the interpreter lock), so that the network never waits.
    """

    def read(path: Path) -> np.ndarray | str:
        try:
            return pictures.read(path, prepared.resize, prepared.crop)
        except pictures.PictureError as error:
            return f"{path}: {error}"

    with ThreadPoolExecutor(max(1, workers)) as pool:
        ahead = 3 * batch_size
        waiting = [pool.submit(read, path) for path in paths[:ahead]]
        for start in range(0, len(paths), batch_size):
            stop = min(start + batch_size, len(paths))
            results = [waiting[i].result() for i in range(start, stop)]
            for i in range(start, stop):
                waiting[i] = None  # type: ignore[call-overload]  # lets the pixels go
            waiting += [pool.submit(read, path) for path in paths[len(waiting) : stop + ahead]]
            good = [i for i, result in enumerate(results) if not isinstance(result, str)]
            pixels = (
                np.stack([results[i] for i in good])
                if good
                else np.empty((0, prepared.crop, prepared.crop, 3))
            )
            yield [start + i for i in good], pixels, [r for r in results if isinstance(r, str)]


@torch.inference_mode()
def extract(
    backbone: nn.Module,
    items: Sequence[Picture],
    prepared: Preprocessing,
    *,
    batch_size: int | None = None,
    workers: int = 2,
    device: torch.device | str = "cpu",
    progress: Callable[[str], None] | None = None,
) -> Features:
    """Run pictures through a backbone in evaluation mode.

    On a CPU the default batch is small: activations then stay below the 32 MB from which glibc maps and
    unmaps each allocation anew, which costs more than larger batches gain (measured: 2 x).

    Raises
    ------
    TrainingError
        More than 1 % of the pictures are unreadable, or none is readable.
    """
    batch_size = batch_size or (8 if torch.device(device).type == "cpu" else 128)
    backbone.eval()
    values: list[Tensor] = []
    kept: list[int] = []
    unreadable: list[str] = []
    for indices, pixels, faults in decoded([item.path for item in items], prepared, batch_size, workers):
        unreadable += faults
        if indices:
            inputs = prepared.to_input(torch.from_numpy(pixels).to(device))
            values.append(torch.flatten(backbone(inputs), 1).float().cpu())
            kept += indices
        if progress:
            progress(f"features of {len(kept)} of {len(items)} pictures")
    limit_unreadable(unreadable, len(items))
    labels = torch.tensor([items[i].label for i in kept])
    return Features(torch.cat(values), labels, unreadable)


def limit_unreadable(unreadable: list[str], total: int) -> None:
    """Refuse a data set of which more than 1 % cannot be read.

    A single damaged file is skipped whatever the data set's size: nobody should have to count.

    Raises
    ------
    TrainingError
        There are too many, or nothing is left.
    """
    if len(unreadable) == total or len(unreadable) > max(1, pictures.UNREADABLE_LIMIT * total):
        raise TrainingError(
            f"{len(unreadable)} of {total} pictures are unreadable, more than "
            f"{pictures.UNREADABLE_LIMIT:.0%}; mend or remove them (`data.check` lists them): {unreadable[0]}"
        )
