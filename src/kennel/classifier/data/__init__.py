"""Pictures on disk: the folder layout, and the download of the course's photos."""

from __future__ import annotations

from kennel.errors import KennelError

DRAWN_MARKER = ".sample.json"
"""Name of the file by which a folder of drawn photos is known; the one hidden file that is uploaded."""


class DataError(KennelError):
    """A data folder, picture or download is not usable; the text names it and the remedy."""
