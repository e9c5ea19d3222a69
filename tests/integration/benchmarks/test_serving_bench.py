"""The serving benchmark measures what it says; how fast is not tested. TorchServe and cloud are left out."""

from __future__ import annotations

import pytest

from kennel import benchmarking

pytestmark = pytest.mark.slow


def test_our_application_is_measured_beside_its_limit() -> None:
    lines: list[str] = []
    arguments = ["--requests", "2", "--rounds", "1", "--clients", "2", "--runtimes", "openvino"]

    document = benchmarking.run(
        "serving", [*arguments, "--without-torchserve", "--without-cloud"], lines.append
    )

    ours, limit = "Kennel, openvino", "limit, openvino"
    assert document["targets"] == [ours, limit]
    assert set(document["figures"]) == {"large", "small"}
    for figures in document["figures"].values():
        assert {figures[name]["2"]["requests"] for name in (ours, limit)} == {2}
    large = document["figures"]["large"]
    overhead = large[ours]["2"]["p50_ms"] / large[limit]["2"]["p50_ms"] - 1
    assert document["ratios"]["openvino_overhead_p50_2"] == pytest.approx(overhead, abs=1e-2)
    assert document["memory_mb"][ours] > 10
    assert document["photos"]["large"]["width"] > 2000
    assert (benchmarking.ROOT / document["plots"]["large"]).read_text().startswith("<?xml")
    assert any("large photo, 2 clients, round 1 of 1" in line for line in lines)
