"""The one error every room's own error descends from."""

from __future__ import annotations


class KennelError(Exception):
    """A failure a person can mend; its text names the thing and the mend in one line."""
