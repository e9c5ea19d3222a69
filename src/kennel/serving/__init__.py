"""The application that serves a release: picture bytes in, logits out. It ships inside the release.

It needs numpy, Pillow, Starlette and the library of the release's runtime; it knows no server.
"""

from __future__ import annotations

from kennel.errors import KennelError


class ServingError(KennelError):
    """A model folder cannot be served; the text names the cause and the remedy."""
