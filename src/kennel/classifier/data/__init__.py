"""Pictures on disk: the folder layout, and the download of the course's photos."""

from __future__ import annotations

from kennel.errors import KennelError


class DataError(KennelError):
    """A data folder, picture or download is not usable; the text names it and the remedy."""
