"""Traces: generated shapes, files, metrics, and the arrivals that are drawn of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kennel.capacity import CapacityError, traces


def drawn(shape: str, **settings: float) -> traces.Trace:
    return traces.generate(shape, 864_000, np.random.default_rng(3), **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", traces.SHAPES)
def test_a_generated_trace_has_exactly_its_requests_and_its_seed_decides(shape: str) -> None:
    trace = drawn(shape)

    assert (trace.total, trace.seconds, trace.step) == (864_000, 86_400, 1)
    assert trace.requests.tolist() == drawn(shape).requests.tolist()
    other = traces.generate(shape, 864_000, np.random.default_rng(4))
    assert trace.requests.tolist() != other.requests.tolist()


def by_hour(trace: traces.Trace) -> list[int]:
    return trace.requests.reshape(-1, 3600).sum(axis=1).tolist()


def test_shapes_have_their_peaks() -> None:
    steady, diurnal = by_hour(drawn("steady")), by_hour(drawn("diurnal"))
    assert min(steady) > 0.95 * max(steady)
    assert diurnal.index(max(diurnal)) in (15, 16)
    assert diurnal.index(min(diurnal)) in (3, 4)
    assert min(diurnal) == pytest.approx(0.2 * max(diurnal), rel=0.1)

    for shape in ("spike", "flash-crowd"):
        by_minute = drawn(shape, peak=10).requests.reshape(-1, 60).sum(axis=1)
        before, after = by_minute[:720].mean(), by_minute[720:]
        assert after.max() == pytest.approx(10 * before, rel=0.1)
        assert after[-300:].mean() == pytest.approx(before, rel=0.05), "it is over"
    crowd = drawn("flash-crowd", peak=10).requests.reshape(-1, 60).sum(axis=1)
    spike = drawn("spike", peak=10).requests.reshape(-1, 60).sum(axis=1)
    assert crowd[720] > 5 * crowd[719] > 5 * 0.9 * spike[719], "a crowd comes at once"
    assert spike[720] < 3 * spike[719]


def test_arrivals_are_in_order_and_in_their_steps() -> None:
    trace = traces.Trace(0.0, 60.0, np.array([3, 0, 200]))

    arrivals = trace.arrivals(np.random.default_rng(0))

    assert (np.diff(arrivals) >= 0).all()
    assert np.floor(arrivals / 60).astype(int).tolist() == [0] * 3 + [2] * 200
    assert np.std(arrivals[3:]) == pytest.approx(60 / 12**0.5, rel=0.15), "spread evenly"


def test_a_file_with_gaps_and_either_kind_of_timestamp(tmp_path: Path) -> None:
    path = tmp_path / "traffic.csv"
    path.write_text("timestamp,requests\n2026-11-27T12:00:00Z,5\n2026-11-27T12:01:00,7\n1795780980,2\n")

    trace = traces.read_csv(path)

    assert trace.start == 1795780800.0
    assert trace.step == 60
    assert trace.requests.tolist() == [5, 7, 0, 2]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time,count\n1,2\n", "timestamp and requests"),
        ("timestamp,requests\n1,2\nnoon,3\n", "line 3"),
        ("timestamp,requests\n1,2.5\n", "line 2"),
        ("timestamp,requests\n1,-2\n", "line 2"),
        ("timestamp,requests\n1,\n", "line 2"),
        ("timestamp,requests\n1\n", "line 2"),
        ("timestamp,requests\n", "no rows"),
        ("timestamp,requests\n1,0\n", "has 0 requests"),
        ("timestamp,requests\n0,1\n1,1\n9999999999,1\n", "shorter time"),
        ("timestamp,requests\n1,999999999\n", "999999999 requests"),
    ],
)
def test_what_is_no_trace_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "traffic.csv"
    path.write_text(text)

    with pytest.raises(CapacityError, match=says):
        traces.read_csv(path)
