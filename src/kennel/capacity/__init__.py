"""What serving takes: prices, the scaling algorithm, and simulations of traffic. It talks to no service."""

from __future__ import annotations

from kennel.errors import KennelError


class CapacityError(KennelError):
    """A price, a trace or a setting is missing or wrong; the text names the remedy."""
