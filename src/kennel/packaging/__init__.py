"""From a trained model to what an endpoint runs: the graph, its quantisation, its sign-off, its libraries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kennel.errors import KennelError

Progress = Callable[[str], None]
"""Receives a line for people while something takes long."""


class PackagingError(KennelError):
    """A model cannot be packaged; the text names the cause and the remedy."""


VALIDATION, DRAWN, PATTERNS = "validation photos", "drawn photos", "test patterns"
"""What the pictures are on which a release is compared with the network that it is made of."""


@dataclass(frozen=True)
class Photo:
    """An encoded picture of the data set that the model was validated on.

    Parameters
    ----------
    content
        A JPEG, PNG or WebP.
    label
        The index of its class in the model; None if that is not known.
    """

    content: bytes
    label: int | None = None
