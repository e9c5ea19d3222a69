"""The feature pass: each view of each picture is put through the frozen backbone once."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kennel import pictures
from kennel.classifier import TrainingError, augment
from kennel.classifier.data.folder import Picture
from kennel.classifier.distributed import Hosts
from kennel.classifier.feature_store import FeatureStore
from kennel.classifier.networks import Preprocessing
from kennel.classifier.optimisation import one_thread

View = tuple[Path, str, int]
"""A picture's file, its SHA-256, and the number of the view: 0 is the plain one."""


@dataclass
class Features:
    """Features of one split, of the pictures that could be read.

    ``values`` (N, V, F) float32 of V views, the first of them plain; ``labels`` (N,); ``pictures`` (N);
    ``digests``, the SHA-256 of every file of the split, readable or not; ``unreadable``, lines on some.
    """

    values: Tensor
    labels: Tensor
    pictures: list[Picture]
    digests: list[str]
    unreadable: list[str]


def key(backbone_digest: str, prepared: Preprocessing, device: torch.device) -> str:
    """Return a digest of what features depend on besides the picture, for the feature store's file names."""
    parts = [backbone_digest, asdict(prepared), augment.VERSION, _precision(device)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _precision(device: torch.device) -> str:
    return "bfloat16" if device.type == "cuda" else "float32"


def batch_size(device: torch.device) -> int:
    """Return how many pictures go through a backbone at once when no gradients are computed.

    Few on a CPU: glibc then keeps the activations' memory between layers. With four pictures it gives pages
    back and faults them in again, which cost a third of the speed of `efficientnet_lite0`.
    """
    return 2 if device.type == "cpu" else 128


def collect(
    backbone: nn.Module,
    items: Sequence[Picture],
    prepared: Preprocessing,
    store: FeatureStore,
    *,
    views: int = 0,
    hosts: Hosts = Hosts(),  # noqa: B008 (immutable)
    workers: int = 2,
    device: torch.device = torch.device("cpu"),  # noqa: B008 (immutable)
    progress: Callable[[str], None] | None = None,
) -> Features:
    """Return the features of all pictures; each host computes its share of those that the store lacks.

    Parameters
    ----------
    backbone
        Network without its head; put into evaluation mode.
    items
        All pictures of the split, the same on every host.
    store
        Where computed features are read and written.
    views
        Number of augmented views of each picture, besides the plain one.

    Raises
    ------
    TrainingError
        More than 1 % of the pictures are unreadable, or none is readable.
    """
    backbone.eval()
    own = [items[i] for i in hosts.share(len(items))]
    with ThreadPoolExecutor(max(1, workers)) as pool:
        read = list(pool.map(_identify, [item.path for item in own]))
    missing = [
        (item.path, digest, number)
        for item, digest in zip(own, read, strict=True)
        for number in range(1 + views)
        if (digest, number) not in store
    ]
    faults: dict[str, str] = {}
    done = 0
    for names, rows in _computed(backbone, missing, prepared, workers, device, faults):
        store.append(names, rows)
        done += len(names)
        if progress:
            progress(f"features of {done} of {len(missing)} views")
    good = [all((digest, number) in store for number in range(1 + views)) for digest in read]
    values = np.zeros((len(own), 1 + views, store.width), np.float32)
    chosen = [i for i, fine in enumerate(good) if fine]
    for number in range(1 + views):
        values[chosen, number] = store.rows([(read[i], number) for i in chosen])
    states = [(read[i], good[i], faults.get(read[i], "damaged")) for i in range(len(own))]
    return _collect_shares(values, states, items, hosts)


def screen(items: Sequence[Picture], hosts: Hosts, workers: int) -> Features:
    """Return a split without features, for a backbone that is trained: readable pictures and their labels.

    Raises
    ------
    TrainingError
        More than 1 % of the pictures are unreadable, or none is readable.
    """
    own = [items[i].path for i in hosts.share(len(items))]
    with ThreadPoolExecutor(max(1, workers)) as pool:
        states = list(pool.map(_state, own))
    return _collect_shares(np.zeros((len(own), 1, 0), np.float32), states, items, hosts)


def _collect_shares(
    values: np.ndarray, states: list[tuple[str, bool, str]], items: Sequence[Picture], hosts: Hosts
) -> Features:
    """Join the hosts' rows (n, V, F) and states: digest, whether the picture is readable, and its fault."""
    all_values = hosts.gather_rows(torch.from_numpy(values), len(items))
    shares = hosts.gather(states)
    all_states = [shares[i % hosts.count][i // hosts.count] for i in range(len(items))]
    unreadable = [
        f"{item.path}: {fault}"
        for item, (_, readable, fault) in zip(items, all_states, strict=True)
        if not readable
    ]
    limit_unreadable(unreadable, len(items))
    kept = [i for i, (_, readable, _) in enumerate(all_states) if readable]
    labels = torch.tensor([items[i].label for i in kept])
    digests = [digest for digest, _, _ in all_states]
    kept_values = all_values[kept] if unreadable else all_values
    return Features(kept_values, labels, [items[i] for i in kept], digests, unreadable)


def _state(path: Path) -> tuple[str, bool, str]:
    fault = pictures.fault(path)
    return _identify(path), fault is None, fault or ""


def _identify(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TrainingError(f"{path}: {error.strerror}") from error


def _computed(
    backbone: nn.Module,
    views: Sequence[View],
    prepared: Preprocessing,
    workers: int,
    device: torch.device,
    faults: dict[str, str],
) -> Iterator[tuple[list[tuple[str, int]], np.ndarray]]:
    """Yield names (digest, view) and feature rows, a few at a time, in order; add to faults.

    On a CPU every core decodes and computes batches of its own. Sharing each layer of one batch among the
    cores instead makes all cores wait for the slowest several times a picture: measured 5 x slower on a busy
    machine.
    """
    size = batch_size(device)

    def compute(batch: Sequence[View]) -> tuple[list[tuple[str, int]], np.ndarray]:
        names: list[tuple[str, int]] = []
        pixels = np.zeros((size, prepared.crop, prepared.crop, 3), np.uint8)
        for path, digest, number in batch:
            try:
                seed = f"{digest}/{number}" if number else None
                pixels[len(names)] = augment.view(path.read_bytes(), prepared, seed)
                names.append((digest, number))
            except pictures.PictureError as error:
                faults[digest] = str(error)
        # Every batch is filled up, so that a feature does not depend on which pictures came with it.
        half = _precision(device) == "bfloat16"
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=half):
            rows = torch.flatten(backbone(prepared.to_input(torch.from_numpy(pixels).to(device))), 1)
        return names, rows[: len(names)].float().cpu().numpy()

    cores = torch.get_num_threads() if device.type == "cpu" else max(1, workers)
    with one_thread(device), ThreadPoolExecutor(cores) as pool:
        batches = (views[i : i + size] for i in range(0, len(views), size))
        ahead = deque(pool.submit(compute, batch) for batch in islice(batches, 3 * cores))
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(pool.submit(compute, batch) for batch in islice(batches, 1))


def limit_unreadable(unreadable: list[str], total: int) -> None:
    """Raise an error if too many pictures cannot be read.

    Raises
    ------
    TrainingError
        More than 1 % are unreadable (a single one is always skipped), or nothing is left.
    """
    if pictures.too_many_unreadable(len(unreadable), total):
        limit = f"{pictures.UNREADABLE_LIMIT:.0%}"
        raise TrainingError(
            f"{len(unreadable)} of {total} pictures are unreadable, more than {limit}; repair or remove them "
            f"(`data.check` lists them): {unreadable[0]}"
        )
