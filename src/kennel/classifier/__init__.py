"""The classifier: data, networks, training. Runs in a container or on EC2, without the AWS SDK."""

from __future__ import annotations

from kennel.errors import KennelError


class TrainingError(KennelError):
    """A model cannot be built, trained or loaded; the text names the cause and the remedy."""
