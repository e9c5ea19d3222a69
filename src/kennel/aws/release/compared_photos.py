"""The photos on which a release is compared with the network that it is made of."""

from __future__ import annotations

import json
from pathlib import Path

from kennel.aws import Progress
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import golden, validation_photos
from kennel.packaging import DRAWN, PATTERNS, VALIDATION, Photo


def read(stack: Stack, job: str, trained: Path, report: Progress) -> tuple[list[Photo], str]:
    """Return the photos for a job's model, and what they are: validation photos, drawn ones or test patterns.

    Parameters
    ----------
    trained
        The model's folder, which says what it learnt from.
    """
    from kennel.classifier import learned

    classes = json.loads((trained / "model.json").read_text())["classes"]
    validated = validation_photos.read(stack, job, classes, report)
    if not validated:
        return golden.pattern_photos(), PATTERNS
    record = trained / learned.FILE
    drawn = record.is_file() and json.loads(record.read_text()).get("photos") == "drawn"
    return validated, DRAWN if drawn else VALIDATION
