"""Command lines as tasks and their arguments; what is wrong in them is in the slips' table."""

from __future__ import annotations

from typing import Any

import pytest
import tasks

from kennel.__main__ import KennelProgram
from kennel.commands import command_line
from kennel.errors import UsageError

TASKS = command_line.named(tasks.namespace)
PROGRAM = {
    f"-{name}" if len(name) == 1 else f"--{name}": argument
    for argument in KennelProgram(tasks.namespace).core_args()
    for name in argument.names
}


def read(*words: str) -> command_line.Request:
    return command_line.read(words, TASKS, PROGRAM)


@pytest.mark.parametrize(
    ("words", "calls"),
    [
        (["train", "--epochs", "3"], [("train", {"epochs": 3})]),
        (
            ["train", "--batch-size=32", "--no-pretrained"],
            [("train", {"batch_size": 32, "pretrained": False})],
        ),
        (["train", "--batch_size", "32"], [("train", {"batch_size": 32})]),
        (["train", "--best-of", "-x"], [("train", {"best_of": "-x"})]),
        (["package", "deploy", "--json"], [("package", {}), ("deploy", {"json": True})]),
        (["data.upload", "--name", "few", "deploy"], [("data.upload", {"name": "few"}), ("deploy", {})]),
        (["local.up", "--port", "0"], [("local.up", {"port": 0})]),
        (["completion", "bash"], [("completion", {"shell": "bash"})]),
        (["completion", "--shell", "bash"], [("completion", {"shell": "bash"})]),
    ],
)
def test_words_become_calls(words: list[str], calls: list[tuple[str, dict[str, Any]]]) -> None:
    assert read(*words).calls == calls


def test_a_task_that_is_a_folders_name_is_given_by_its_option_or_behind_two_dashes(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train").mkdir()

    assert read("data.check", "train").calls == [("data.check", {"directory": "train"})]
    assert read("data.upload", "train").calls == [("data.upload", {}), ("train", {})]
    assert read("data.upload", "--", "train").calls == [("data.upload", {"directory": "train"})]
    assert read("data.upload", "--directory", "train").calls == [("data.upload", {"directory": "train"})]


@pytest.mark.parametrize("task", TASKS)
def test_help_is_given_wherever_it_is_asked_for(task: str) -> None:
    for words in (
        ["--help", task],
        [f"--help={task}"],
        [task, "--help"],
        [task, "-h"],
        [task, "--json", "-h"],
    ):
        assert read(*words).help_for == task
        assert not read(*words).calls


def test_help_of_a_group_lists_its_tasks() -> None:
    assert read("--help", "stack").program == ["--list=stack"]


def test_all_tasks_of_a_line_are_checked_before_the_first_runs() -> None:
    with pytest.raises(UsageError, match="--epochs"):
        read("package", "train", "--epochs", "0")
