"""Pictures on disk: the folder layout, a drawn sample, the course's download."""

from __future__ import annotations

from kennel.errors import KennelError


class DataError(KennelError):
    """A data folder, picture or download is not usable; the text names it and the mend."""
