"""The script for the training host, run by hand on a local folder: no AWS, and the test split left alone."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from kennel.sample_photos.draw import draw

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "ec2" / "train.py"
QUICK = ["--epochs", "3", "--workers", "1"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("photos")
    draw(directory, classes=4, per_class={"train": 3, "valid": 1, "test": 2})
    return directory


@pytest.fixture(scope="module")
def script() -> ModuleType:
    specification = importlib.util.spec_from_file_location("ec2_train", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def train(script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    def run(photos: Path, name: str) -> Path:
        output = tmp_path_factory.mktemp(name)
        work = tmp_path_factory.mktemp(f"{name}-work")  # features are kept there: each run has its own
        arguments = ["--data", str(photos), "--output", str(output), "--work", str(work), *QUICK]
        assert script.main(arguments) == 0
        return output

    return run


@pytest.fixture(scope="module")
def original(photos: Path, train: Callable[..., Path]) -> Path:
    """What a training on the photos leaves."""
    return train(photos, "original")


def environment() -> dict[str, str]:
    """Return an environment without any AWS."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "OMP_NUM_THREADS") if name in os.environ}


def test_help_names_the_scripts_own_arguments_and_the_trainings(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, SCRIPT, "--help"], cwd=tmp_path, env=environment(), capture_output=True, text=True
    )

    assert (answer.returncode, answer.stderr) == (0, "")
    for name in ("--data WHERE", "--output WHERE", "s3://", "--arch", "--epochs", "--seed", "--log FILE"):
        assert name in answer.stdout
    assert "--model-dir" not in answer.stdout  # --output is that


def test_a_local_folder_needs_no_aws_and_leaves_model_metrics_and_log(photos: Path, tmp_path: Path) -> None:
    arguments = ["--data", str(photos), "--output", str(tmp_path / "out"), "--work", str(tmp_path / "work")]
    program = (
        f"import runpy, sys; sys.argv = ['train.py', *{[*arguments, *QUICK]!r}]\n"
        f"try: runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "assert not {'boto3', 'botocore'} & set(sys.modules)\n"
        # What takes as long to import as all the rest, and is not used.
        "assert not {'torchvision', 'torch._dynamo'} & set(sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment(), capture_output=True, text=True
    )

    assert answer.returncode == 0, answer.stderr
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert 0 <= metrics["test_top1"] <= 1
    assert (tmp_path / "out" / "model.pth").is_file()
    log = (tmp_path / "out" / "train.log").read_text()
    assert "test_top1=" in log
    assert log == answer.stdout


def test_a_folder_that_is_not_split_is_split_below_the_work_folder(
    script: ModuleType, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in photos.rglob("*.jpg"):
        copy = tmp_path / "unsplit" / path.parent.name / f"{path.parent.parent.name} {path.name}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())

    folder = script._ready(tmp_path / "unsplit", tmp_path / "splits")

    assert folder.is_relative_to(tmp_path / "splits")
    assert {path.name for path in folder.iterdir()} >= {"train", "valid", "test"}
    assert f"split into {folder} (16 train, 4 valid, 4 test)" in capsys.readouterr().out
    assert script._ready(photos, tmp_path / "splits") == photos


def test_what_was_learnt_is_bit_for_bit_the_same_whatever_the_test_folder_holds(
    photos: Path, original: Path, tmp_path: Path, train: Callable[..., Path]
) -> None:
    import torch

    poisoned = tmp_path / "poisoned"
    for path in sorted(photos.rglob("*.jpg")):
        copy = poisoned / path.relative_to(photos)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if "test" in path.relative_to(photos).parts:
            Image.new("RGB", (90, 60), (255, 0, 255)).save(copy.with_stem(f"other-{copy.stem}"))
        else:
            copy.write_bytes(path.read_bytes())

    changed = train(poisoned, "changed")

    def weights(folder: Path) -> dict[str, torch.Tensor]:
        return torch.load(folder / "model.pth", weights_only=True)

    learnt, again = weights(original), weights(changed)
    assert learnt.keys() == again.keys()
    assert all(torch.equal(learnt[name], again[name]) for name in learnt)
    assert (original / "history.csv").read_text() == (changed / "history.csv").read_text()
    # Yet the test folder was read, at the end: one colour cannot show four breeds.
    results = [json.loads((folder / "metrics.json").read_text()) for folder in (original, changed)]
    assert results[0]["test_loss"] != results[1]["test_loss"]
    assert results[1]["test_top1"] == 0.25


def test_other_training_photos_do_change_what_is_learnt(
    original: Path, tmp_path: Path, train: Callable[..., Path]
) -> None:
    import torch

    other = tmp_path / "other"
    draw(other, classes=4, per_class={"train": 3, "valid": 1, "test": 2}, seed=1)

    folders = [original, train(other, "second")]

    first, second = (torch.load(folder / "model.pth", weights_only=True) for folder in folders)
    assert any(not torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--output", "out"], 2, "--data is missing"),
        (["--data", "photos"], 2, "--output is missing"),
        (["--data", "nowhere", "--output", "out"], 1, "error: nowhere: no such data folder"),
        (["--data", "nowhere", "--output", "out", "--epochz", "3"], 2, "--epochz"),
        (["--data", "nowhere", "--output", "script/out"], 1, "error: [Errno"),
    ],
)
def test_what_cannot_work_is_reported_in_one_line(
    script: ModuleType,
    arguments: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script").write_text("a file where a folder should be")
    try:
        exit_code = script.main([*arguments, "--work", str(tmp_path / "work")])
    except SystemExit as end:
        exit_code = end.code
    printed = capsys.readouterr().err
    assert exit_code == code
    assert message in printed
    assert "Traceback" not in printed
