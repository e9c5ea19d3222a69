"""Several hosts, as processes of their own that meet over the network, and trainings killed half-way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from kennel.sample_photos.draw import draw

SRC = Path(__file__).parents[3] / "src"
MEASURED = ("test_top1", "test_loss", "macro_f1", "ece", "val_loss", "valid_top1", "epochs")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    per_class = {"train": 4, "valid": 2, "test": 3}
    target = tmp_path_factory.mktemp("photos") / "data"
    return draw(target, classes=7, per_class=per_class, size=96, workers=1)


def start(photos: Path, target: Path, *extra: str, **environment: str) -> subprocess.Popen[str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SM_")}
    variables |= {
        "PYTHONPATH": str(SRC),
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": loopback(),
        **environment,
    }
    command = [
        sys.executable,
        "-m",
        "kennel.classifier.training",
        "--data",
        str(photos),
        "--model-dir",
        str(target),
    ]
    return subprocess.Popen(
        [*command, "--epochs", "4", "--workers", "1", *extra],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def loopback() -> str:
    return "lo" if sys.platform == "linux" else "lo0"


def train_on(count: int, photos: Path, target: Path, *extra: str, launcher: str = "torchrun") -> list[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    hosts = []
    for rank in range(count):
        variables = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        if launcher == "torchrun":
            variables |= {"RANK": str(rank), "WORLD_SIZE": str(count), "LOCAL_RANK": "0"}
        else:
            names = [f"algo-{n + 1}" for n in range(count)]
            variables |= {"SM_HOSTS": json.dumps(names), "SM_CURRENT_HOST": names[rank]}
        hosts.append(start(photos, target / f"host{rank}", *extra, **variables))
    logs = [host.communicate(timeout=240)[0] for host in hosts]
    assert [host.returncode for host in hosts] == [0] * count, "\n".join(logs)
    return logs


def metrics(folder: Path) -> dict[str, Any]:
    document = json.loads((folder / "metrics.json").read_text())
    return {name: document[name] for name in MEASURED}


def test_hosts_share_the_pass_and_agree_with_one(photos: Path, tmp_path: Path) -> None:
    for count, launcher in ((1, "torchrun"), (2, "torchrun"), (3, "script mode")):
        logs = train_on(count, photos, tmp_path / str(count), launcher=launcher)
        for rank, log in enumerate(logs):
            assert f"host {rank + 1} of {count}" in log
            assert ("test_top1=" in log) == (rank == 0)
            assert (tmp_path / str(count) / f"host{rank}" / "model.pth").exists() == (rank == 0)
    alone, two, three = (tmp_path / str(n) / "host0" for n in (1, 2, 3))
    assert metrics(two) == pytest.approx(metrics(alone), abs=1e-5)
    assert metrics(three) == pytest.approx(metrics(alone), abs=1e-5)
    origins = [json.loads((folder / "run.json").read_text()) for folder in (alone, two, three)]
    assert [origin["hosts"] for origin in origins] == [1, 2, 3]
    assert len({origin["data_digest"] for origin in origins}) == 1


def test_each_host_computes_only_its_share(photos: Path, tmp_path: Path) -> None:
    train_on(2, photos, tmp_path, "--cache-dir", str(tmp_path / "cache"))
    rows = [len(p.read_text().splitlines()) for p in sorted((tmp_path / "cache").glob("*.names"))]
    assert len(rows) == 2
    assert sum(rows) == 7 * 9
    assert max(rows) - min(rows) <= 3


def test_hosts_train_a_backbone_together(photos: Path, tmp_path: Path) -> None:
    extra = [
        "--arch",
        "mobilenet_v3_small",
        "--no-pretrained",
        "--unfreeze",
        "1",
        "--epochs",
        "2",
        "--seed",
        "5",
    ]
    extra += ["--workers", "0", "--dropout", "0", "--batch-size", "14"]
    for count in (1, 2):
        train_on(count, photos, tmp_path / str(count), *extra)
    alone, two = (metrics(tmp_path / str(n) / "host0") for n in (1, 2))
    assert two["val_loss"] == pytest.approx(alone["val_loss"], rel=0.05)
    assert two["test_top1"] == pytest.approx(alone["test_top1"], abs=0.1)


def test_a_host_that_is_alone_in_its_failure_ends_the_others(photos: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    healthy = start(photos, tmp_path / "a", RANK="0", **shared)
    failing = start(tmp_path, tmp_path / "b", RANK="1", **shared)
    ends = [host.communicate(timeout=120)[0] for host in (healthy, failing)]
    assert healthy.returncode != 0
    assert failing.returncode == 1
    assert "has no folder train/" in ends[1]
    assert "another host ended" in ends[0]
    assert "Traceback" not in ends[0]


@pytest.mark.parametrize("sign", ["host 1 of 1: 7 classes", "epoch=2;", "epoch=4;"])
def test_a_killed_training_resumes_with_the_same_metrics(photos: Path, tmp_path: Path, sign: str) -> None:
    extra = ["--epochs", "6", "--views", "1"]
    whole = start(photos, tmp_path / "whole", *extra)
    whole.communicate(timeout=240)
    kept = ["--checkpoint-dir", str(tmp_path / "checkpoints"), "--checkpoint-seconds", "0"]
    killed = start(photos, tmp_path / "resumed", *extra, *kept)
    assert killed.stdout
    for line in killed.stdout:
        if line.startswith(sign):
            if "classes" in line:  # then wait for the pass to be under way
                wait_for(tmp_path / "checkpoints" / "features")
            killed.send_signal(signal.SIGKILL)
            break
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "resumed" / "metrics.json").exists()
    resumed = start(photos, tmp_path / "resumed", *extra, *kept)
    log = resumed.communicate(timeout=240)[0]
    assert resumed.returncode == 0, log
    assert ("resumed after epoch" in log) == sign.startswith("epoch")
    assert metrics(tmp_path / "resumed") == metrics(tmp_path / "whole")
    states = [torch.load(tmp_path / n / "model.pth", weights_only=True) for n in ("whole", "resumed")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_killed_training_of_the_backbone_resumes_too(photos: Path, tmp_path: Path) -> None:
    extra = ["--arch", "mobilenet_v3_small", "--no-pretrained", "--unfreeze", "1", "--workers", "0"]
    whole = start(photos, tmp_path / "whole", *extra)
    whole.communicate(timeout=240)
    kept = ["--checkpoint-dir", str(tmp_path / "checkpoints"), "--checkpoint-seconds", "0"]
    killed = start(photos, tmp_path / "resumed", *extra, *kept)
    assert killed.stdout
    for line in killed.stdout:
        if line.startswith("epoch=2;"):
            killed.send_signal(signal.SIGKILL)
            break
    killed.communicate(timeout=60)
    resumed = start(photos, tmp_path / "resumed", *extra, *kept)
    assert "resumed after epoch" in resumed.communicate(timeout=240)[0]
    states = [torch.load(tmp_path / n / "model.pth", weights_only=True) for n in ("whole", "resumed")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_torchrun_launches_it(photos: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "kennel.classifier.training", "--data", str(photos), "--model-dir", str(tmp_path)]
    variables = os.environ | {
        "PYTHONPATH": str(SRC),
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": loopback(),
    }
    done = subprocess.run(
        [*command, "--epochs", "2"], env=variables, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert "host 2 of 2" in done.stdout
    assert done.stdout.count("test_top1=") == 1


def wait_for(folder: Path) -> None:
    """Return once a few rows of features are on disk."""
    end = time.monotonic() + 60
    while not any(p.stat().st_size > 20_000 for p in folder.glob("*.f32")):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_checkpoint_of_another_training_is_not_continued(photos: Path, tmp_path: Path) -> None:
    kept = ["--checkpoint-dir", str(tmp_path / "checkpoints")]
    for seed, target in (("1", "a"), ("2", "b")):
        log = start(photos, tmp_path / target, *kept, "--seed", seed).communicate(timeout=120)[0]
        assert "resumed" not in log
    assert metrics(tmp_path / "a") != metrics(tmp_path / "b")
