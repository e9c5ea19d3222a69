"""The playground: a local page on which photos are dropped and answers shown."""

from kennel.errors import KennelError


class PlaygroundError(KennelError):
    """The playground cannot start, or a photo could not be answered."""
