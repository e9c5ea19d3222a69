"""What the unit tests of properties begin with."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long it takes to generate an example says how busy the machine is, not whether a property holds. Other
# examples are drawn in each run: half of the usual number takes half of the time.
settings.register_profile(
    "untimed", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")
