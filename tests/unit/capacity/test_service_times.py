"""Service times: the distribution has its moments, and a load test's document gives one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kennel.capacity import CapacityError, service_times
from kennel.capacity.plan import rule_of_thumb


@pytest.mark.parametrize("cv", [0.0, 0.3, 1.0, 2.0])
def test_they_have_their_mean_and_their_variation(cv: float) -> None:
    times = service_times.ServiceTimes(0.2, cv).draw(200_000, np.random.default_rng(0))

    assert times.mean() == pytest.approx(0.2, rel=0.02)
    assert times.std() / times.mean() == pytest.approx(cv, rel=0.02)


def document(tmp_path: Path, **releases: dict[str, object]) -> Path:
    path = tmp_path / "load.json"
    figures = {f"Kennel, {name.replace('_', '-')}": figure for name, figure in releases.items()}
    path.write_text(json.dumps({"cores": 2, "figures": {"large": {"course on TorchServe": {}, **figures}}}))
    return path


def clients(alone: float, busy: float, p95: float) -> dict[str, object]:
    return {
        "1": {"p50_ms": 40.0, "p95_ms": p95, "per_second": alone},
        "16": {"p50_ms": 400.0, "p95_ms": 500.0, "per_second": busy},
    }


def test_a_load_test_gives_rate_workers_and_service_times(tmp_path: Path) -> None:
    path = document(tmp_path, openvino_int8=clients(24.4, 36.9, 40.0), torch=clients(9.0, 12.6, 80.0))

    first, torch = service_times.read(path), service_times.read(path, "torch")

    assert (first.target, first.highest_rate, first.workers) == ("Kennel, openvino-int8", 36.9, 2)
    assert first.times.mean == pytest.approx(2 / 36.9)
    assert first.times.cv == 0, "p95 is p50"
    assert rule_of_thumb(first.highest_rate) == 1107, "36.9 x 0.5 x 60, AWS's rule"
    # Of a lognormal distribution with p95 / p50 = 2: sigma 0.4214.
    assert torch.times.cv == pytest.approx((np.exp(0.4214**2) - 1) ** 0.5, rel=1e-3)


def test_what_is_no_load_test_is_refused(tmp_path: Path) -> None:
    path = document(tmp_path, torch=clients(9.0, 12.6, 80.0))
    with pytest.raises(CapacityError, match="it has torch: use --runtime"):
        service_times.read(path, "openvino")
    with pytest.raises(CapacityError, match="it has no release"):
        service_times.read(document(tmp_path))
    path.write_text('{"figures": []}')
    with pytest.raises(CapacityError, match=r"bench.serving --json > load.json"):
        service_times.read(path)
