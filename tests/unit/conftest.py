"""What the unit tests of properties begin with."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long it takes to generate an example says how busy the machine is, not whether a property holds.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
