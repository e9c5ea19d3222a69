"""The training benchmark measures what it says, on whatever it is given; how fast is not tested."""

from __future__ import annotations

from pathlib import Path

import pytest

from kennel import benchmarking
from kennel.errors import KennelError

pytestmark = pytest.mark.slow


def test_every_ratio_is_of_two_measurements_of_one_run() -> None:
    lines: list[str] = []
    arguments = ["--classes", "3", "--photos", "2", "--size", "96", "--epochs", "1"]
    arguments += ["--rounds", "1", "--trials", "1"]

    document = benchmarking.run("training.py", arguments, lines.append)

    ratios = document["ratios"]
    epoch = document["conventional_epoch_seconds"]
    assert ratios["head_epoch_speedup"] == pytest.approx(epoch / document["head_epoch_seconds"], abs=1e-3)
    assert ratios["two_hosts_speedup"] == pytest.approx(
        document["one_host_seconds"] / document["two_hosts_seconds"], abs=1e-3
    )
    assert ratios["twenty_trials_in_epochs"] == pytest.approx(
        document["twenty_trials_seconds"] / epoch, abs=1e-3
    )
    assert ratios["total_vs_course_loop"] == pytest.approx(
        document["course_loop_seconds"] / document["total_seconds"], abs=1e-3
    )
    assert document["pictures"] == 6
    assert any("round 1 of 1" in line for line in lines)


def test_a_benchmark_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "failing.py").write_text("raise SystemExit('nothing to measure')\n")
    monkeypatch.setattr(benchmarking, "ROOT", tmp_path)
    with pytest.raises(KennelError, match=r"benchmarks/failing\.py failed: .*nothing to measure"):
        benchmarking.run("failing.py", [], lambda line: None)
