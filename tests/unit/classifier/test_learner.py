"""Early stopping, the best weights, and going on after an interruption."""

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


def epoch(one: Learner, val_loss: float) -> None:
    one.epoch += 1
    one.optimizer.zero_grad()
    one.model(torch.ones(1, 2)).sum().backward()
    one.optimizer.step()
    one.schedule.step()
    one.note({"epoch": one.epoch}, val_loss, 0.5)


def test_it_ends_when_nothing_gets_better_and_keeps_the_best() -> None:
    one = learner()
    epoch(one, 1.0)
    epoch(one, 0.5)
    best = {name: value.clone() for name, value in one.model.state_dict().items()}
    epoch(one, 0.6)
    assert not one.ended
    epoch(one, 0.5)  # as good is not better
    assert one.ended
    assert not torch.equal(one.model.state_dict()["weight"], best["weight"])
    one.keep_best()
    assert all(torch.equal(one.model.state_dict()[name], value) for name, value in best.items())
    assert one.best == {"val_loss": 0.5, "valid_top1": 0.5}


def test_it_ends_after_its_epochs() -> None:
    one = learner(epochs=2)
    epoch(one, 1.0)
    assert not one.ended
    epoch(one, 0.5)
    assert one.ended


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
