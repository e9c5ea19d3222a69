"""The training tasks' command lines: which options there are, and how hyperparameters are read from them."""

from __future__ import annotations

from typing import Any

import pytest
from invoke.parser import Parser, ParserContext

from kennel.commands import hosts, model, tuning

COMMON = {"env", "json", "verbose", "data", "weights"}
TRAINED_WITH = (
    {"arch", "epochs", "batch-size", "lr", "dropout", "head-width", "label-smoothing", "weight-decay"}
    | {"unfreeze", "views", "patience", "seed", "pretrained", "prior"}
    | {"allow-leakage", "best-of"}
)
OPTIONS = {
    "train": COMMON | TRAINED_WITH | {"instances", "instance-type", "spot"},
    "tune": COMMON
    | {"arch", "epochs", "views", "patience", "seed", "pretrained", "prior"}
    | {"allow-leakage", "trials", "parallel", "search-seed", "instance-type"},
    "ec2.train": COMMON | TRAINED_WITH | {"max-hours", "keep-running"},
}
TASKS = {"train": model.train, "tune": tuning.tune, "ec2.train": hosts.train}


def parse(task: str, *words: str) -> dict[str, Any]:
    """Return the arguments that invoke passes to a task."""
    context = ParserContext(name=task, args=TASKS[task].get_arguments())
    return Parser([context]).parse_argv([task, *words])[0].as_kwargs


@pytest.mark.parametrize("task", TASKS)
def test_a_tasks_options_are_those_that_scripts_use(task: str) -> None:
    assert {argument.name.replace("_", "-") for argument in TASKS[task].get_arguments()} == OPTIONS[task]


@pytest.mark.parametrize("task", TASKS)
def test_what_is_not_given_is_none(task: str) -> None:
    arguments = parse(task)

    assert arguments["epochs"] is arguments["seed"] is arguments["data"] is None
    assert arguments["pretrained"] is True


def test_values_are_read_as_they_were_typed() -> None:
    arguments = parse("train", "--lr", "1e-3", "--batch-size=32", "--no-pretrained", "--unfreeze", "0")

    assert (arguments["lr"], arguments["batch_size"], arguments["unfreeze"]) == ("1e-3", "32", "0")
    assert arguments["pretrained"] is False


def test_an_invalid_value_ends_a_task_with_its_limits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from invoke import Context

    monkeypatch.setattr("kennel.commands.task._workspace", lambda environment: None)
    monkeypatch.setattr("kennel.commands.acts_on.announce", lambda environment: None)
    with pytest.raises(SystemExit) as exit_:
        model.train(Context(), **parse("train", "--dropout", "2"))

    assert exit_.value.code == 2
    assert "--dropout: 2 is not at least 0 and at most 0.95" in capsys.readouterr().err
