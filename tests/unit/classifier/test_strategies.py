"""Training strategies: what each reads and trains, and that both start from the same network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from kennel.classifier import networks
from kennel.classifier.data import folder
from kennel.classifier.distributed import Hosts
from kennel.classifier.feature_store import FeatureStore
from kennel.classifier.hyperparameters import Hyperparameters
from kennel.classifier.prior import PriorSettings
from kennel.classifier.strategies.fine_tuning import FineTuning
from kennel.classifier.strategies.frozen import FrozenBackbone
from kennel.classifier.strategies.strategy import Setup

ARCH = "mobilenet_v3_small"
CHOSEN = Hyperparameters(arch=ARCH, pretrained=False, unfreeze=2, views=2, batch_size=8, dropout=0.0)


@pytest.fixture
def setup(drawn: Path) -> Iterator[Setup]:
    torch.manual_seed(0)
    data = folder.read(drawn)
    network = networks.build(ARCH, len(data.classes), dropout=0.0)
    torch.nn.init.normal_(network.head.layers[-1].weight)  # it is zero at first, and so would be all logits
    prepared = networks.preprocessing(ARCH)
    with FeatureStore(None, "key", "0", network.head.centre.numel()) as store:
        yield Setup(CHOSEN, data, network, prepared, store, Hosts(), torch.device("cpu"), workers=0)


def test_frozen_features_are_read_for_every_split_and_views_for_training_alone(setup: Setup) -> None:
    shapes = {split: FrozenBackbone(setup).read(split).values.shape for split in folder.SPLITS}

    assert shapes == {"train": (24, 3, 1024), "valid": (12, 1, 1024), "test": (12, 1, 1024)}


def test_fine_tuning_computes_plain_features_of_the_training_split_alone(setup: Setup) -> None:
    shapes = {split: FineTuning(setup).read(split).values.shape for split in folder.SPLITS}

    assert shapes == {"train": (24, 1, 1024), "valid": (12, 1, 0), "test": (12, 1, 0)}


def test_both_strategies_start_with_the_same_logits(setup: Setup) -> None:
    frozen, fine_tuning = FrozenBackbone(setup), FineTuning(setup)
    setup.network.head.centre_on(frozen.read("train").values[:, 0])

    by_features = frozen.logits(frozen.read("valid"))
    by_photos = fine_tuning.logits(fine_tuning.read("valid"))

    assert by_features.std() > 0.1
    assert torch.allclose(by_features, by_photos, atol=1e-3)


def test_a_prior_is_added_in_the_same_way_in_training_and_afterwards(setup: Setup) -> None:
    settings = PriorSettings(tuple((number,) for number in range(6)))
    knowing = networks.ImageNetPrior(setup.network.head.centre.numel(), settings)
    torch.nn.init.normal_(knowing.weight)
    setup.network.prior = knowing
    frozen = FrozenBackbone(setup)
    train_set = frozen.read("train")
    frozen.prepare(train_set)
    frozen.batches.set_epoch(1)

    inputs, _ = next(iter(frozen.batches))

    with torch.inference_mode():
        assert frozen.model is not setup.network.head
        features = inputs[:, : setup.network.head.centre.numel()]
        assert torch.allclose(frozen.model.eval()(inputs), setup.network.classify(features), atol=1e-4)
        assert torch.equal(frozen.logits(train_set), setup.network.classify(train_set.values[:, 0]))


def test_what_is_trained_is_the_head_or_the_whole_network_with_its_last_stages(setup: Setup) -> None:
    frozen, fine_tuning = FrozenBackbone(setup), FineTuning(setup)
    assert frozen.trained is frozen.model is setup.network.head
    frozen.prepare(frozen.read("train"))
    assert not any(weight.requires_grad for weight in setup.network.backbone.parameters())

    fine_tuning.prepare(fine_tuning.read("train"))

    assert fine_tuning.trained is setup.network
    stages = networks.stages(setup.network.backbone)
    assert [any(w.requires_grad for w in stage.parameters()) for stage in stages[-3:]] == [False, True, True]


@pytest.mark.parametrize("strategy", [FrozenBackbone, FineTuning])
def test_an_epoch_has_each_training_photo_once(
    setup: Setup, strategy: type[FrozenBackbone] | type[FineTuning]
) -> None:
    prepared = strategy(setup)
    prepared.prepare(prepared.read("train"))
    prepared.batches.set_epoch(1)

    labels = torch.cat([labels for _, labels in prepared.batches])

    assert len(prepared.batches) == 3
    assert torch.bincount(labels).tolist() == [4] * 6


def test_a_head_is_trained_on_one_thread_and_a_network_on_all(setup: Setup) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with FrozenBackbone(setup).threads():
            assert torch.get_num_threads() == 1
        with FineTuning(setup).threads():
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
