"""The local cloud's clock, by which everything happens that AWS would time."""

from __future__ import annotations

from kennel.localcloud.clock.clock import FASTEST, Clock
from kennel.localcloud.clock.line import Kept
from kennel.localcloud.clock.timers import Timer
from kennel.localcloud.clock.waiting import Participant

__all__ = ["FASTEST", "Clock", "Kept", "Participant", "Timer"]
