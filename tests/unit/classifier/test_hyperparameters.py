"""One declaration of each hyperparameter: script, tasks and tuner agree, and it loads without PyTorch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kennel.classifier import TrainingError, arguments
from kennel.classifier.hyperparameters import (
    DECLARED,
    SEARCH_SPACE,
    Choices,
    Hyperparameters,
    Interval,
)
from kennel.commands import training_options

SRC = Path(__file__).resolve().parents[3] / "src"


def test_the_command_lines_defaults_are_the_declared_ones() -> None:
    assert arguments.parse(["--data", "d"], {}, 1).hyperparameters == Hyperparameters()


def test_every_hyperparameter_has_a_help_text_and_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments.parse(["--help"], {}, 1)
    printed = " ".join(capsys.readouterr().out.split())
    for declared in DECLARED.values():
        assert f"--{declared.option} " in printed
        assert declared.help in printed


@pytest.mark.parametrize(
    "name", [name for name, declared in DECLARED.items() if declared.declaration.kind is not str]
)
def test_a_limit_is_the_same_in_script_and_task(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    declared = DECLARED[name]
    wrong = "maybe" if declared.declaration.kind is bool else "-1"
    with pytest.raises(SystemExit):
        arguments.parse(["--data", "d", f"--{declared.option}={wrong}"], {}, 1)
    script = capsys.readouterr().err.strip().splitlines()[-1].partition("error: ")[2]

    with pytest.raises(TrainingError) as by_check:
        arguments.check({f"{declared.option}": f"{wrong}"})
    with pytest.raises(TrainingError) as by_task:
        training_options.checked_arguments({name: wrong})

    assert script.startswith(f"argument --{declared.option}: ")
    assert script == str(by_check.value) == str(by_task.value)


def test_a_task_passes_on_what_is_given_and_nothing_else() -> None:
    options = {"lr": "1e-3", "epochs": "3", "unfreeze": "0", "seed": None, "pretrained": True}

    assert training_options.checked_arguments(options) == {"lr": "0.001", "epochs": "3", "unfreeze": "0"}
    assert training_options.checked_arguments({"pretrained": False}) == {"pretrained": "false"}


def test_what_is_searched_is_within_the_limits() -> None:
    for name, space in SEARCH_SPACE.items():
        values = space.values if isinstance(space, Choices) else (space.least, space.most)
        for value in values:
            assert DECLARED[name].parse(str(value)) == value


def test_an_interval_is_searched_on_its_scale() -> None:
    assert [Interval(0.0, 0.6).at(share) for share in (0, 0.5, 1)] == [0.0, 0.3, 0.6]
    logarithmic = Interval(1e-4, 1e-2, logarithmic=True)
    assert [logarithmic.at(share) for share in (0, 0.5, 1)] == pytest.approx([1e-4, 1e-3, 1e-2])


def test_declarations_and_tasks_load_without_pytorch() -> None:
    program = (
        "import sys; import kennel.commands.model, kennel.commands.tuning, kennel.commands.hosts\n"
        "heavy = {'torch', 'torchvision', 'numpy', 'boto3', 'sagemaker', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": str(SRC)})
