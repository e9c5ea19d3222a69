"""Where an endpoint's requests go: to the fleet that serves, and a share of them to the one that comes."""

from __future__ import annotations

import random
from dataclasses import dataclass

from kennel.localcloud.services.sagemaker.endpoints.fleet import Fleet
from kennel.localcloud.services.sagemaker.endpoints.variant import Variant


@dataclass(frozen=True, eq=False)
class Traffic:
    """One state of the routing; an endpoint replaces it in one step.

    Attributes
    ----------
    fleet
        What serves.
    incoming
        The fleet of an update under way; None otherwise.
    share
        The incoming fleet's share of the requests, 0 to 1.
    """

    fleet: Fleet
    incoming: Fleet | None = None
    share: float = 0.0

    def choose(self, target: str | None) -> Variant:
        """Return the variant that a request goes to: the named one, or one drawn by weight.

        Raises
        ------
        KeyError
            There is none of that name.
        """
        if self.incoming is None or self.share <= 0:
            return self.fleet.choose(target)
        if self.share >= 1:
            return self.incoming.choose(target)
        new = random.random() < self.share  # noqa: S311 - traffic, not a secret
        first, second = (self.incoming, self.fleet) if new else (self.fleet, self.incoming)
        # While an update renames its variants, a target is in one of the fleets only.
        return second.choose(target) if target and target not in first.variants else first.choose(target)
