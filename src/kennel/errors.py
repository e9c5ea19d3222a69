"""The base class of the project's errors: each package defines one subclass."""

from __future__ import annotations


class KennelError(Exception):
    """A failure that the user can correct; its message names the cause and the remedy in one line."""
