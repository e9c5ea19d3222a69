"""The serving benchmark's parts: load, process groups, ratios. How fast anything is, is not tested."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks" / "serving"


def part(name: str) -> ModuleType:
    """Return a module of the benchmark, which is a folder that Python runs and no package."""
    spec = importlib.util.spec_from_file_location(f"serving_bench_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


load, processes, results = part("load"), part("processes"), part("results")


def test_every_client_keeps_its_connection_and_all_requests_are_answered() -> None:
    connections: list[set[int]] = []

    def connect() -> object:
        threads: set[int] = set()
        connections.append(threads)

        def call() -> float:
            threads.add(threading.get_ident())
            return 0.0

        return call

    figures = load.run(connect, clients=4, requests=40)

    assert (len(figures.answers), figures.refused) == (40, 0)
    assert len(connections) == 4
    assert all(len(threads) <= 1 for threads in connections)


def test_a_refused_request_is_counted_and_sent_again() -> None:
    pauses = iter([0.0, 0.001, 0.001, 0.0, 0.0])

    figures = load.run(lambda: lambda: next(pauses), clients=1, requests=3)

    assert (len(figures.answers), figures.refused) == (3, 2)


def test_an_answer_that_is_an_error_ends_the_measurement() -> None:
    def call() -> float:
        raise load.LoadError("status 500")

    with pytest.raises(load.LoadError, match="status 500"):
        load.run(lambda: call, clients=2, requests=10)


def test_percentiles_are_nearest_ranks_over_all_rounds() -> None:
    figures = load.Figures([0.010] * 9, 0, 0.5)
    figures.add(load.Figures([0.100] * 11, 1, 1.5))

    assert figures.as_dict() == {
        "p50_ms": 100.0,
        "p95_ms": 100.0,
        "per_second": 10.0,
        "requests": 20,
        "refused": 1,
    }
    assert figures.percentile(0.4) == pytest.approx(10.0)


def test_a_group_ends_with_a_process_that_its_launcher_left_behind(tmp_path: Path) -> None:
    script = "sleep 600 & echo $! > left; sleep 600"
    with processes.group(["bash", "-c", script], os.environ, tmp_path, tmp_path / "log") as group:
        while not (tmp_path / "left").exists() or not (tmp_path / "left").read_text().strip():
            assert group.process.poll() is None
        assert group.memory() > 0
        assert int((tmp_path / "left").read_text()) in group.pids()

    assert group.pids() == []
    left = int((tmp_path / "left").read_text())
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(left)], capture_output=True, text=True, check=False
    )
    assert listed.stdout.strip()[:1] in ("", "Z")  # ended, even if nobody has collected it yet


def test_a_server_that_ends_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = ["bash", "-c", "echo no such model >&2; exit 3"]
    with (
        processes.group(command, os.environ, tmp_path, log) as group,
        pytest.raises(processes.StartError, match="bash did not start: no such model"),
    ):
        processes.wait_healthy(group, processes.free_port(), log)


def test_ratios_are_against_torchserve_and_against_the_runtimes_limit() -> None:
    figures = {
        results.TORCHSERVE: {"1": {"p50_ms": 100.0, "per_second": 8.0}},
        "Kennel, openvino": {"1": {"p50_ms": 44.0, "per_second": 24.0}},
        "limit, openvino": {"1": {"p50_ms": 40.0, "per_second": 25.0}},
    }
    memory = {results.TORCHSERVE: 1600.0, "Kennel, openvino": 400.0}

    assert results.ratios(figures, memory, ["openvino"]) == {
        "openvino_overhead_p50_1": 0.1,
        "openvino_p50_vs_torchserve_1": 0.44,
        "openvino_throughput_vs_torchserve_1": 3.0,
        "openvino_memory_vs_torchserve": 0.25,
    }
    del figures[results.TORCHSERVE]
    del memory[results.TORCHSERVE]
    assert results.ratios(figures, memory, ["openvino"]) == {"openvino_overhead_p50_1": 0.1}
