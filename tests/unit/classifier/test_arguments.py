"""The command line: SageMaker's ways of passing hyperparameters, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from kennel.classifier import arguments


def parse(*argv: str, **environment: str) -> arguments.Arguments:
    return arguments.parse(["--data", "d", *argv], environment, 3)


def test_underscores_switches_with_values_and_whole_floats() -> None:
    args = parse(
        "--batch_size", "32.0", "--label_smoothing=0.2", "--pretrained", "False", "--weights", "a_b.pth"
    )
    chosen = args.hyperparameters
    assert (chosen.batch_size, chosen.label_smoothing, chosen.pretrained, chosen.weights) == (
        32,
        0.2,
        False,
        "a_b.pth",
    )
    assert isinstance(chosen.batch_size, int)
    assert parse("--no-pretrained").hyperparameters.pretrained is False
    assert parse("--no-pretrained", "false").hyperparameters.pretrained is True
    assert parse().hyperparameters.pretrained is True
    assert (parse().plots, parse("--no-plots").plots, parse("--plots", "false").plots) == (True, False, False)


def test_folders_come_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    model = str(tmp_path / "model")
    args = arguments.parse([], {"SM_CHANNEL_TRAINING": "t", "SM_MODEL_DIR": model, "SM_NUM_CPUS": "5"}, 3)
    assert (args.data, args.model_dir, args.workers) == (Path("t"), Path(model), 5)
    assert args.checkpoint_dir == tmp_path / "checkpoints"
    assert args.cache_dir == tmp_path / "checkpoints" / "features"
    assert parse().checkpoint_dir is None
    assert parse().workers == 3


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--lr", "0"], "0 is not at least"),
        (["--lr", "nan"], "nan is not"),
        (["--epochs", "2.5"], "not a whole number"),
        (["--dropout", "1"], "at most 0.95"),
        (["--pretrained", "maybe"], "neither true nor false"),
        (["--epochz", "3"], "unrecognized arguments"),
        (["--batch", "3"], "unrecognized arguments"),
    ],
)
def test_senseless_arguments_are_refused(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(*argv)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_data_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments.parse([], {}, 1)
    assert "give --data DIR" in capsys.readouterr().err
