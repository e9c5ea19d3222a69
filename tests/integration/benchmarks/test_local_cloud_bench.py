"""The comparison of the local cloud with plain moto: every call is measured at both, and has a ratio."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from kennel.localcloud import lifecycle

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


def test_every_call_is_measured_at_both_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    throughput = importlib.import_module("local_cloud_throughput")
    status = lifecycle.up(tmp_path, port=0, keep=False)
    lines: list[str] = []
    try:
        measured = throughput.compare(lifecycle.environment(status), 1, 8, lines.append)
    finally:
        lifecycle.down(tmp_path)
        sys.modules.pop("local_cloud_throughput", None)
    assert lines == ["warming up", "round 1 of 1"]
    assert set(measured) == {"GetCallerIdentity", "PutObject", "GetObject", "ListEndpoints"}
    for figures in measured.values():
        assert 0 < figures["lowest_ratio"] == figures["ratio"] == figures["highest_ratio"]
        own, moto = figures["local_cloud_per_second"], figures["moto_per_second"]
        # Rates are printed to 0.1 and ratios to 0.01: each may be off by half of that.
        lowest, highest = (own - 0.05) / (moto + 0.05), (own + 0.05) / (moto - 0.05)
        assert lowest - 0.005 <= figures["ratio"] <= highest + 0.005
