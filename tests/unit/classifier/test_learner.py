"""Early stopping, the best weights, and continuing after an interruption."""

from __future__ import annotations

import torch
from torch import nn

from kennel.classifier.learner import Learner
from kennel.classifier.optimisation import adamw, warmup_cosine


def learner(epochs: int = 10, patience: int = 2) -> Learner:
    torch.manual_seed(0)
    model = nn.Linear(2, 2)
    optimizer = adamw([(model, 0.1)], 0.0)
    return Learner(model, optimizer, warmup_cosine(optimizer, 10, 1), epochs, patience)


def epoch(trained: Learner, val_loss: float) -> None:
    trained.epoch += 1
    trained.optimizer.zero_grad()
    trained.model(torch.ones(1, 2)).sum().backward()
    trained.optimizer.step()
    trained.schedule.step()
    trained.add_epoch({"epoch": trained.epoch}, val_loss, 0.5)


def test_it_ends_when_nothing_gets_better_and_keeps_the_best() -> None:
    trained = learner()
    epoch(trained, 1.0)
    epoch(trained, 0.5)
    best = {name: value.clone() for name, value in trained.model.state_dict().items()}
    epoch(trained, 0.6)
    assert not trained.ended
    epoch(trained, 0.5)  # as good is not better
    assert trained.ended
    assert not torch.equal(trained.model.state_dict()["weight"], best["weight"])
    trained.keep_best()
    assert all(torch.equal(trained.model.state_dict()[name], value) for name, value in best.items())
    assert trained.best == {"val_loss": 0.5, "valid_top1": 0.5}


def test_it_ends_after_its_epochs() -> None:
    trained = learner(epochs=2)
    epoch(trained, 1.0)
    assert not trained.ended
    epoch(trained, 0.5)
    assert trained.ended


def test_what_was_restored_goes_on_as_if_nothing_had_happened() -> None:
    quiet, interrupted = learner(), learner()
    for loss in (1.0, 0.5):
        epoch(quiet, loss)
        epoch(interrupted, loss)
    resumed = learner()
    resumed.restore(interrupted.state())
    for loss in (0.6, 0.4):
        epoch(quiet, loss)
        epoch(resumed, loss)
    assert torch.equal(quiet.model.weight, resumed.model.weight)
    assert quiet.history == resumed.history
    assert quiet.optimizer.param_groups[0]["lr"] == resumed.optimizer.param_groups[0]["lr"]
    assert quiet.best == resumed.best
