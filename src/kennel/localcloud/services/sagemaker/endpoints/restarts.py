"""When a model server that has ended starts again."""

from __future__ import annotations

# Seconds before the first, second, ... start of a server after one that did not serve for long.
BACKOFF = (0.0, 1.0, 2.0, 5.0, 10.0)
STABLE_SECONDS = 10.0  # what served for so long starts again at once, however often it happens


def restart_delay(short_lives: int) -> float:
    """Return the seconds before the next start of a server.

    Parameters
    ----------
    short_lives
        How many starts in a row have ended within `STABLE_SECONDS` of service, the last one included.
    """
    return BACKOFF[min(short_lives, len(BACKOFF)) - 1] if short_lives else 0.0
