"""The base classes of the project's errors: each package defines a subclass of the first."""

from __future__ import annotations


class KennelError(Exception):
    """A failure that the user can correct; its message names the cause and the remedy in one line."""

    exit_code = 1


class UsageError(KennelError):
    """The command line, or the machine that it runs on, must be changed first; nothing has been started."""

    exit_code = 2
