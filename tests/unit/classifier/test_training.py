"""Training from the command line: what it writes, reproduces, skips and refuses."""

from __future__ import annotations

import csv
import errno
import json
import re
import shutil
import sys
from pathlib import Path

import pytest
import torch

from kennel.classifier import networks, training
from kennel.classifier.data import folder
from kennel.serving.model import load as load_model


def run(data: Path, target: Path, *extra: str) -> int:
    """Train, without plots; features are kept beside the data: a photo goes through the network once."""
    folders = [
        "--data",
        str(data),
        "--model-dir",
        str(target),
        "--cache-dir",
        str(data.with_name("features")),
    ]
    return training.main([*folders, "--epochs", "3", "--no-plots", *extra])


def test_leaves_a_model_and_its_records(model_dir: Path) -> None:
    state = torch.load(model_dir / "model.pth", weights_only=True)
    model = json.loads((model_dir / "model.json").read_text())
    metrics = json.loads((model_dir / "metrics.json").read_text())
    rows = list(csv.DictReader((model_dir / "history.csv").open()))
    assert state["head.layers.1.weight"].shape == (6, 1280)
    assert model["format"] == 3
    assert len(model["classes"]) == 6
    assert model["preprocessing"] == {"mean": [0.5] * 3, "std": [0.5] * 3, "resize": 256, "crop": 224}
    assert metrics["test_top1"] >= 0.9
    assert min(float(row["val_loss"]) for row in rows) == pytest.approx(metrics["val_loss"])
    assert len(rows) == metrics["epochs"] == 5
    assert {"test_top1", "test_top5", "test_loss", "macro_f1", "ece", "valid_top1"} <= set(metrics)
    assert not [p for p in model_dir.iterdir() if p.name.startswith(".")]


def test_prints_metric_lines_and_the_test_once(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(drawn, tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    epochs = [line for line in lines if line.startswith("epoch=")]
    assert len(epochs) == 3
    for line in epochs:
        assert re.fullmatch(r"epoch=\d; train_loss=[\d.]+; val_loss=[\d.]+; val_top1=[\d.]+;", line)
    assert sum("test_top1=" in line for line in lines) == 1
    best = min(epochs, key=lambda line: float(re.findall(r"val_loss=([\d.]+)", line)[0]))
    kept = next(line for line in lines if line.startswith("val_loss="))
    assert kept in best  # the last value that is printed is that of the kept weights


def test_the_same_seed_gives_the_same_model(drawn: Path, tmp_path: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert run(drawn, tmp_path / name, "--seed", seed) == 0
    a, b, c = (torch.load(tmp_path / n / "model.pth", weights_only=True) for n in "abc")
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert not torch.equal(a["head.layers.1.weight"], c["head.layers.1.weight"])


def test_class_names_of_any_kind_reach_the_model_and_its_tables(photos: Path, tmp_path: Path) -> None:
    names = ["-rf dash", "=SUM(1)", 'Ana\'s "best" [b]', "a $x^ b", "犬", "собака"]
    for split in folder.SPLITS:
        for path, name in zip(sorted((photos / split).iterdir()), names, strict=True):
            path.rename(path.with_name(name))
    assert run(photos, tmp_path / "model", "--plots") == 0  # the names are in the plots too

    assert json.loads((tmp_path / "model" / "model.json").read_text())["classes"] == sorted(names)
    rows = list(csv.reader((tmp_path / "model" / "classes.csv").open()))
    assert [row[0] for row in rows[1:]] == ["'-rf dash", "'=SUM(1)", *sorted(names)[2:]]
    header, first, *_ = csv.reader((tmp_path / "model" / "confusion.csv").open())
    assert (header[1], first[0], first[1]) == ("'-rf dash", "'-rf dash", "2")
    picture = next((photos / "test" / "犬").iterdir()).read_bytes()
    trained = load_model(tmp_path / "model")
    answer = trained.named(trained.logits(picture))["predictions"]
    assert {row["class"] for row in answer} <= set(names)


def test_a_photo_of_the_test_in_training_is_refused_unless_it_is_allowed(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    breed = next((photos / "test").iterdir())
    shutil.copy(next(breed.iterdir()), photos / "train" / breed.name / "copy.jpg")
    assert run(photos, tmp_path / "refused") == 1
    assert "error: 1 photos of test/ are in another split too" in capsys.readouterr().err
    assert run(photos, tmp_path / "model", "--allow-leakage") == 0
    assert "allowed: 1 photos of test/" in capsys.readouterr().out


def test_sagemakers_environment_and_underscored_hyperparameters(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SM_CHANNEL_TRAINING", str(drawn))
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model"))
    args = ["--batch_size", "8", "--epochs", "2", "--label_smoothing=0.05", "--pretrained", "True"]
    assert training.main(args) == 0
    assert (tmp_path / "model" / "model.pth").is_file()


def test_random_weights_need_no_download(drawn: Path, tmp_path: Path) -> None:
    arch = "mobilenet_v3_small"
    assert run(drawn, tmp_path, "--arch", arch, "--no-pretrained", "--epochs", "1") == 0
    assert json.loads((tmp_path / "model.json").read_text())["arch"] == arch


def test_weights_from_a_channel(drawn: Path, tmp_path: Path) -> None:
    from kennel.classifier.lite0 import packaged_weights

    channel = tmp_path / "channel" / "deeper"
    channel.mkdir(parents=True)
    shutil.copy(packaged_weights(), channel / "weights.pth")
    assert run(drawn, tmp_path / "a", "--pretrained-dir", str(tmp_path / "channel")) == 0
    assert run(drawn, tmp_path / "b") == 0
    a, b = (json.loads((tmp_path / n / "model.json").read_text())["backbone_digest"] for n in "ab")
    assert a == b


def test_a_damaged_picture_is_named_and_skipped(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = next((photos / "train").rglob("*.jpg"))
    damaged.write_bytes(damaged.read_bytes()[:900])
    assert run(photos, tmp_path / "model") == 0
    assert f"unreadable, skipped: {damaged}" in capsys.readouterr().out


def test_more_than_one_percent_damaged_is_an_error(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for damaged in sorted((photos / "train").rglob("*.jpg"))[:2]:
        damaged.write_text("text named .jpg")
    assert run(photos, tmp_path / "model") == 1
    failure = capsys.readouterr().err
    assert "2 of 24 pictures are unreadable, more than 1%" in failure
    assert failure.count("\n") == 1
    assert not (tmp_path / "model").exists()


def test_the_test_split_is_never_trained_on(photos: Path, tmp_path: Path) -> None:
    assert run(photos, tmp_path / "a") == 0
    names = [p.name for p in sorted((photos / "test").iterdir())]
    for name in names:  # scramble the test labels: a model that saw none of them stays the same
        (photos / "test" / name).rename(photos / "test" / f"{name}.moved")
    for name, other in zip(names, names[1:] + names[:1], strict=True):
        (photos / "test" / f"{name}.moved").rename(photos / "test" / other)
    assert run(photos, tmp_path / "b") == 0
    a, b = (torch.load(tmp_path / n / "model.pth", weights_only=True) for n in "ab")
    assert all(torch.equal(a[key], b[key]) for key in a)
    scores = [json.loads((tmp_path / n / "metrics.json").read_text())["test_top1"] for n in "ab"]
    assert scores[0] > 0.8
    assert scores[1] < 0.2


def test_a_failure_is_left_where_sagemaker_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model"))
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    assert training.main(["--data", str(tmp_path)]) == 1
    assert "has no folder train/" in (tmp_path / "failure").read_text()


def test_leaves_what_is_needed_to_do_it_again(model_dir: Path, drawn: Path) -> None:
    run = json.loads((model_dir / "run.json").read_text())
    assert run["command"][:5] == ["python", "-m", "kennel.classifier.training", "--data", str(drawn)]
    assert run["arguments"]["epochs"] == 5
    assert run["packages"]["torch"] == torch.__version__.split("+")[0]
    assert len(run["data_digest"]) == len(run["code_digest"]) == 64
    table = list(csv.DictReader((model_dir / "classes.csv").open()))
    confused = list(csv.reader((model_dir / "confusion.csv").open()))
    assert sum(int(row["support"]) for row in table) == 12
    assert sum(int(n) for row in confused[1:] for n in row[1:]) == 12
    tested = json.loads((model_dir / "predictions.json").read_text())["test"]
    assert [row["photo"] for row in tested] == sorted(
        path.relative_to(drawn).as_posix() for path in (drawn / "test").rglob("*.jpg")
    )
    right = sum(row["class"] == row["predicted"] for row in tested)
    assert right / 12 == json.loads((model_dir / "metrics.json").read_text())["test_top1"]
    for name in ("curves.png", "confusion.png"):
        assert (model_dir / name).read_bytes().startswith(b"\x89PNG")


def test_containers_without_matplotlib_train_all_the_same(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert run(drawn, tmp_path, "--plots") == 0
    assert "no plots: matplotlib is not installed here" in capsys.readouterr().out
    assert (tmp_path / "model.pth").is_file()
    assert run(drawn, tmp_path / "other") == 0
    assert "matplotlib" not in capsys.readouterr().out
    assert not list((tmp_path / "other").glob("*.png"))


def test_stops_early_and_keeps_the_best(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(drawn, tmp_path, "--epochs", "60", "--patience", "2", "--label-smoothing", "0.3") == 0
    losses = [float(row["val_loss"]) for row in csv.DictReader((tmp_path / "history.csv").open())]
    assert len(losses) < 60
    assert losses.index(min(losses)) == len(losses) - 3
    assert "stopped early: 2 epochs" in capsys.readouterr().out


def test_augmented_views_and_a_hidden_layer(drawn: Path, tmp_path: Path) -> None:
    assert run(drawn, tmp_path, "--views", "2", "--head-width", "32", "--epochs", "8") == 0
    state = torch.load(tmp_path / "model.pth", weights_only=True)
    assert state["head.layers.1.weight"].shape == (32, 1280)
    assert len(load_model(tmp_path).logits(next(drawn.rglob("test/*/*.jpg")).read_bytes())) == 6


def test_unfrozen_stages_learn_and_frozen_ones_stay(drawn: Path, tmp_path: Path) -> None:
    arguments = ["--arch", "mobilenet_v3_small", "--no-pretrained", "--unfreeze", "2", "--workers", "0"]
    for name in ("a", "b"):
        assert run(drawn, tmp_path / name, *arguments, "--epochs", "2", "--seed", "3") == 0
    trained, again = (torch.load(tmp_path / n / "model.pth", weights_only=True) for n in "ab")
    assert all(torch.equal(trained[name], again[name]) for name in trained)
    torch.manual_seed(3)
    fresh = networks.build("mobilenet_v3_small", 6).state_dict()
    changed = [
        name
        for name in trained
        if name.startswith("backbone.") and not torch.equal(trained[name], fresh[name])
    ]
    assert {name.split(".")[2] for name in changed} == {"11", "12"}
    assert not [name for name in changed if "running" in name]


def test_too_many_unfrozen_stages_are_refused(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(drawn, tmp_path, "--unfreeze", "99") == 1
    assert "--unfreeze 99: the network has only 9 stages" in capsys.readouterr().err


def test_features_alone_are_what_other_runs_then_read(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(drawn, tmp_path / "features", "--features-only") == 0
    assert run(drawn, tmp_path / "plain") == 0
    shutil.rmtree(drawn.with_name("features"))
    monkeypatch.setattr("kennel.classifier.features.augment.view", None)  # decoding anything would fail
    assert run(drawn, tmp_path / "trial", "--features-dir", str(tmp_path / "features")) == 0
    a, b = (torch.load(tmp_path / n / "model.pth", weights_only=True) for n in ("plain", "trial"))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_diverging_training_says_what_to_do(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(drawn, tmp_path, "--lr", "1e30", "--head-width", "8") == 1
    assert "lower --lr" in capsys.readouterr().err


def test_a_full_disk_is_one_clear_line(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert run(drawn, tmp_path / "model") == 1
    failure = capsys.readouterr().err
    assert "model.pth cannot be written: No space left on device; free some space" in failure
    assert failure.count("\n") == 1
    assert list((tmp_path / "model").iterdir()) == []
