"""Deliveries under way: each in a thread of its own, and begun again after a restart.

What was being sent when the local cloud ended may arrive twice: EventBridge promises "at least once" too.
"""

from __future__ import annotations

import threading
import uuid
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from kennel.localcloud.clock import Participant
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.services.events.attempts import Progress


@dataclass
class Delivery(ABC):
    """Something that is delivered to a target, with retries.

    Attributes
    ----------
    progress
        How often it was tried, and since when.
    """

    progress: Progress

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is, for people."""

    @abstractmethod
    def deliver(self, cloud: Cloud) -> None:
        """Send until it succeeds or is given up."""

    def start(self, cloud: Cloud, identifier: str | None = None) -> None:
        """Deliver in the background."""
        identifier = identifier or str(uuid.uuid4())
        cloud.store(Deliveries).by_id[identifier] = self
        cloud.changes.note()
        arguments = (cloud, identifier, cloud.clock.participant(self.name))
        threading.Thread(target=self._run, args=arguments, name=self.name, daemon=True).start()

    def _run(self, cloud: Cloud, identifier: str, participant: Participant) -> None:
        try:
            with cloud.clock.taking_part(participant):
                self.deliver(cloud)
        finally:
            cloud.store(Deliveries).by_id.pop(identifier, None)
            cloud.changes.note()


@dataclass
class Deliveries(KeptStore):
    """What is being delivered in a region."""

    by_id: dict[str, Delivery] = field(default_factory=dict)

    def resume(self, cloud: Cloud) -> None:
        """Go on with what had not been delivered; the time that passed meanwhile counts."""
        for identifier, delivery in list(self.by_id.items()):
            delivery.start(cloud, identifier)
