"""Bad releases behind prod's own canary and alarms are rolled back, good ones stay: a few runs of each."""

from __future__ import annotations

import pytest

from kennel import benchmarking

pytestmark = pytest.mark.slow


def test_no_bad_release_is_promoted_and_no_good_one_rolled_back(provider_shared: None) -> None:
    lines: list[str] = []

    document = benchmarking.run("guarded_releases.py", ["--runs", "3"], lines.append)

    assert (document["bad_promoted"], document["good_rolled_back"]) == (0, 0)
    routing = document["rollout"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert (routing["Type"], routing["CanarySize"]["Value"]) == ("CANARY", 1)
    scenarios = document["scenarios"]
    for title in ("errors on 20 %", "5 x latency"):
        assert scenarios[title]["rolled_back"] == 3
        assert 0 < scenarios[title]["share_harmed"]["most"] < scenarios[title]["canary_weight"] == 0.2
        assert scenarios[title]["minutes_after_shift"]["most"] < 5, "in the canary's bake"
    assert [scenarios[title]["promoted"] for title in ("good, busy", "good, lull")] == [3, 3]
    assert scenarios["wrong labels"]["wrong_passed"] == scenarios["wrong labels"]["right_refused"] == 0
