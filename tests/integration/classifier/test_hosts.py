"""Several hosts, as processes of their own that meet over the network."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from .conftest import CLASSES, PER_CLASS, Start, metrics


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def train_on(
    count: int,
    start: Start,
    photos: Path,
    target: Path,
    *extra: str,
    launcher: str = "torchrun's variables",
) -> list[str]:
    port = free_port()
    hosts = []
    for rank in range(count):
        variables = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        if launcher != "script mode":
            variables |= {"RANK": str(rank), "WORLD_SIZE": str(count), "LOCAL_RANK": "0"}
        else:
            names = [f"algo-{n + 1}" for n in range(count)]
            variables |= {"SM_HOSTS": json.dumps(names), "SM_CURRENT_HOST": names[rank]}
        hosts.append(start(photos, target / f"host{rank}", *extra, **variables))
    logs = [host.finish() for host in hosts]
    assert [host.returncode for host in hosts] == [0] * count, "\n".join(logs)
    return logs


def test_hosts_share_the_pass_and_agree_with_one(photos: Path, start: Start, tmp_path: Path) -> None:
    """Two hosts have torchrun's variables, three those of script mode."""
    for count, launcher in ((1, "torchrun's variables"), (2, "torchrun's variables"), (3, "script mode")):
        folder = tmp_path / str(count)
        logs = train_on(count, start, photos, folder, "--cache-dir", str(folder / "cache"), launcher=launcher)
        for rank, log in enumerate(logs):
            assert f"host {rank + 1} of {count}" in log
            assert ("test_top1=" in log) == (rank == 0)
            assert (folder / f"host{rank}" / "model.pth").exists() == (rank == 0)
        assert_shared(folder / "cache", count)
    alone, two, three = (tmp_path / str(n) / "host0" for n in (1, 2, 3))
    assert metrics(two) == pytest.approx(metrics(alone), abs=1e-5)
    assert metrics(three) == pytest.approx(metrics(alone), abs=1e-5)
    origins = [json.loads((folder / "run.json").read_text()) for folder in (alone, two, three)]
    assert [origin["hosts"] for origin in origins] == [1, 2, 3]
    assert len({origin["data_digest"] for origin in origins}) == 1


def assert_shared(cache: Path, count: int) -> None:
    shares = [len(path.read_text().splitlines()) for path in sorted(cache.glob("*.names"))]
    assert len(shares) == count
    assert sum(shares) == CLASSES * sum(PER_CLASS.values())
    assert max(shares) - min(shares) <= len(PER_CLASS)  # each split is shared by itself


def test_hosts_train_a_backbone_together(photos: Path, start: Start, tmp_path: Path) -> None:
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
        train_on(count, start, photos, tmp_path / str(count), *extra)
    alone, two = (metrics(tmp_path / str(n) / "host0") for n in (1, 2))
    assert two["val_loss"] == pytest.approx(alone["val_loss"], rel=0.05)
    assert two["test_top1"] == pytest.approx(alone["test_top1"], abs=0.1)


def test_a_host_that_is_alone_in_its_failure_ends_the_others(
    photos: Path, start: Start, tmp_path: Path
) -> None:
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": "2"}
    healthy = start(photos, tmp_path / "a", RANK="0", **shared)
    failing = start(tmp_path, tmp_path / "b", RANK="1", **shared)
    ends = [host.finish() for host in (healthy, failing)]
    assert healthy.returncode == 1
    assert failing.returncode == 1
    assert "has no folder train/" in ends[1]
    assert "another host ended" in ends[0]
    assert "Traceback" not in ends[0]
