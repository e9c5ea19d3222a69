"""What a rehearsal found out: the content of ``result.json``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kennel.errors import KennelError


class RehearsalError(KennelError):
    """A rehearsal could not start, or one of its steps failed."""


@dataclass
class RehearsalResult:
    """The result of a rehearsal; what was not reached keeps its default.

    Parameters
    ----------
    steps
        The steps that began: ``name``, ``started`` (seconds after the rehearsal), ``seconds``, ``ok``.
    planned
        Names of all steps, in order.
    answer
        The prediction for the photo, as `kennel.aws.prediction.PhotoPrediction.as_dict` returns it.
    latency
        Calls of the function with the same photo: ``first`` and ``warm``, a list, in seconds.
    accuracy, metrics
        Test top-1, and all metrics of the training.
    learned
        What the model learnt from, as `kennel.classifier.learned` records it.
    plan
        The resources of the first apply, each ``ACTION ADDRESS``.
    data
        Folder of the photos.
    started_at
        Time of the start, ISO 8601.
    versions
        Of ``kennel``, ``python``, ``torch``, and once Terraform has run ``terraform`` and ``provider``.
    settings
        What the rehearsal was asked to do, and the hyperparameters of its training.
    log
        File of the local cloud's log.
    """

    steps: list[dict[str, Any]] = field(default_factory=list)
    planned: list[str] = field(default_factory=list)
    answer: dict[str, Any] | None = None
    latency: dict[str, Any] | None = None
    accuracy: float | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    learned: dict[str, Any] | None = None
    release: str | None = None
    plan: list[str] = field(default_factory=list)
    resources: int = 0
    plan_empty: bool = False
    destroyed: bool = False
    drawn: bool = False
    kept: bool = False
    data: str = ""
    photo: str = ""
    started_at: str = ""
    seconds: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    log: str = ""
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Whether all steps succeeded, the prediction included."""
        answered = self.answer is not None and self.answer["statusCode"] == 200
        return self.error is None and answered and self.plan_empty and all(step["ok"] for step in self.steps)


def as_dict(result: RehearsalResult) -> dict[str, Any]:
    """Return the document for ``result.json``."""
    return {"ok": result.ok, **vars(result)}
