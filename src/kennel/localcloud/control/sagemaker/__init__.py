"""SageMaker's control plane: models, endpoints, notebooks, and the tags of all of them."""

from __future__ import annotations

from kennel.localcloud.control.sagemaker import models, notebooks, tags

PARTS = (models, notebooks, tags)


def mend() -> None:
    """Mend moto's classes where they are wrong."""
    models.mend()
    notebooks.mend()
