"""The classifier: data, networks, training, inference. Runs inside a container or on EC2; no AWS SDK here."""

from __future__ import annotations

from kennel.errors import KennelError


class TrainingError(KennelError):
    """A model cannot be built, trained or loaded; the text names what and the mend."""
