"""Environments of single requests: cold starts, reuse, the limit."""

from __future__ import annotations

import numpy as np

from kennel.capacity.elastic import Elastic, serve
from kennel.capacity.fleet import REFUSED


def test_an_idle_environment_is_used_again_until_it_has_been_idle_too_long() -> None:
    settings = Elastic(limit=10, cold_start=2.0, idle=100.0)
    arrivals = np.array([0.0, 0.5, 10.0, 10.1, 105.0, 300.0])

    begun, cold = serve(settings, arrivals, np.ones(6))

    # Two begin cold; both serve again; at 105 the one that was used last does; at 300 both have ended.
    assert begun.tolist() == [2.0, 2.5, 10.0, 10.1, 105.0, 302.0]
    assert cold == 3


def test_requests_during_a_cold_start_need_environments_of_their_own() -> None:
    arrivals = np.arange(0, 5, 0.1)  # 10 a second, of 50 ms: half of one environment, once that is warm

    _, cold = serve(Elastic(limit=1000, cold_start=3.0), arrivals, np.full(len(arrivals), 0.05))

    assert cold == 31


def test_what_exceeds_the_limit_is_refused() -> None:
    begun, cold = serve(Elastic(limit=2, cold_start=0.0), np.array([0.0, 0.1, 0.2, 1.05]), np.ones(4))

    assert begun.tolist() == [0.0, 0.1, REFUSED, 1.05]
    assert cold == 2
