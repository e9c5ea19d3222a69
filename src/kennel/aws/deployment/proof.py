"""The proof of a deployment: the release's golden photos must be answered as its model did when packaged."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kennel.aws import Progress, StackError, prediction
from kennel.aws.deployment.deployment_record import Deployment
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import golden

TOLERANCE = 0.02
"""How much a logit may differ, in any runtime. Another instruction set changes the last digits of float32: by
3e-6 or less in the graph, by 1e-4 or less in eager PyTorch. An int8 graph differed by nothing on AVX2 and
AVX-512, with VNNI and without, and by 0.017 on SSE 4.1 (docs/decisions/openvino.md); without the precaution
that packaging takes, by 0.9. A model that runs in bfloat16 differs by 0.1 and more."""
BUSY = (429, 503, 504)  # a later attempt may succeed
Answer = tuple[int, dict[str, str], str]  # status code, headers, body
WAITS = (1.0, 2.0, 4.0, 8.0)  # seconds between the attempts


@dataclass(frozen=True)
class Proof:
    """What was compared.

    Parameters
    ----------
    photos
        How many golden photos were answered; 0 for a release without them, of which nothing is known.
    largest_difference
        Of any logit, to the packaged one.
    """

    photos: int
    largest_difference: float
    tolerance: float = TOLERANCE

    def as_dict(self) -> dict[str, Any]:
        """Return the proof as a JSON document."""
        return {
            "photos": self.photos,
            "largest_difference": self.largest_difference,
            "tolerance": self.tolerance,
        }


def prove(stack: Stack, deployment: Deployment, report: Progress, waits: Sequence[float] = WAITS) -> Proof:
    """Ask the function for a deployment's golden photos and compare the logits.

    Raises
    ------
    StackError
        As `compare`.
    """

    def ask(photo: golden.GoldenPhoto) -> Answer:
        event = {"image": base64.b64encode(photo.content).decode()}
        return prediction.invoke_function(stack, event)

    return compare(deployment, f"the function {stack['function']['name']}", ask, report, waits)


def compare(
    deployment: Deployment,
    through: str,
    ask: Callable[[golden.GoldenPhoto], Answer],
    report: Progress,
    waits: Sequence[float] = WAITS,
) -> Proof:
    """Ask for a deployment's golden photos and compare the logits.

    Parameters
    ----------
    through
        What is asked, as lines name it.
    ask
        Asks for one photo.
    waits
        Seconds between attempts while the answer is that it is busy.

    Raises
    ------
    StackError
        An answer is none, or another than the model gave when it was packaged.
    """
    photos = golden.read(deployment.model_data_url)
    if not photos:
        report(f"{deployment.id} was packaged without golden photos: its answers are not compared")
    largest = 0.0
    for number, photo in enumerate(photos, 1):
        report(f"golden photo {number} of {len(photos)} through {through}")
        difference = _difference(_logits(photo, through, ask, waits), photo)
        if not difference <= TOLERANCE:  # also if it is not a number
            raise StackError(
                f"the answer for its golden photo {photo.name} differs by {difference:.4g} from the packaged "
                f"one (allowed: {TOLERANCE:g})"
            )
        largest = max(largest, difference)
    return Proof(len(photos), largest)


def _logits(
    photo: golden.GoldenPhoto,
    through: str,
    ask: Callable[[golden.GoldenPhoto], Answer],
    waits: Sequence[float],
) -> list[float]:
    for wait in (*waits, None):
        status, _, body = ask(photo)
        if status == 200:
            logits: list[float] = json.loads(body)[0]
            return logits
        if status not in BUSY or wait is None:
            break
        time.sleep(wait)
    raise StackError(f"{through} answered the golden photo {photo.name} with {status}: {body:.300}")


def _difference(logits: list[float], photo: golden.GoldenPhoto) -> float:
    if len(logits) != len(photo.logits):
        raise StackError(
            f"the answer for the golden photo {photo.name} has {len(logits)} logits, the packaged one "
            f"{len(photo.logits)}"
        )
    return max(abs(new - old) for new, old in zip(logits, photo.logits, strict=True))
