"""Batches of pictures: how many processes load them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kennel.classifier import networks
from kennel.classifier.data.folder import Picture
from kennel.classifier.distributed import Hosts
from kennel.classifier.loading import PictureBatches


@pytest.mark.parametrize(("pictures", "processes"), [(1, 0), (8, 0), (9, 2), (17, 3), (100, 4)])
def test_no_more_processes_load_than_there_are_batches_and_none_a_single_one(
    pictures: int, processes: int
) -> None:
    items = [Picture(Path("photo.jpg"), 0)] * pictures
    prepared = networks.Preprocessing(256, 224, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

    batches = PictureBatches(items, prepared, 8, 0, 4, torch.device("cpu"), Hosts())

    assert batches.loader.num_workers == processes
    assert len(batches) == -(-pictures // 8)
