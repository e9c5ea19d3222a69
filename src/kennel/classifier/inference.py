"""Inference: the four handlers of SageMaker's PyTorch container, and `load` for other callers.

The container's toolkit appends a traceback to the body of every error that a handler raises. A rejected
request is therefore passed through the handlers as a `Rejection`; `output_fn` sets the status on the
request's context and returns a JSON body. TorchServe keeps one context for each worker and renews its
contents. If a server passes a context without a request, the rejection is raised instead: the status is kept,
the JSON body is not.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import torch

from kennel import class_names, pictures
from kennel.classifier import TrainingError, networks, weights

JSON = "application/json"
PREDICTIONS = "application/vnd.kennel.predictions+json"
PICTURES = ("image/jpeg", "image/jpg", "image/png", "image/webp")
# The header that SageMaker passes on from a container. An answer names its release, because during an update
# answers are of both.
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
BODY_LIMIT = 6_500_000  # bytes; TorchServe's own limit in the real container
TOP = 5


@dataclass(frozen=True)
class Rejection:
    """Why a request is not answered with logits: an HTTP status and one line for the caller."""

    status: HTTPStatus
    message: str

    def body(self) -> str:
        """Return the JSON text that the caller receives."""
        return json.dumps({"error": {"status": self.status.value, "message": self.message}})


class RequestRejected(Exception):  # noqa: N818 (a response, not a fault of the program)
    """A `Rejection` as an exception, for a handler without a usable context."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.rejection = Rejection(status, message)


@dataclass(frozen=True)
class Prediction:
    """Logits of one picture, with the names of the classes."""

    logits: list[float]
    classes: list[str]
    release: str | None

    def named(self, top: int = TOP) -> dict[str, Any]:
        """Return the ``top`` most probable classes: softmax in float64, so that probabilities sum to one."""
        shares = torch.softmax(torch.tensor(self.logits, dtype=torch.float64), dim=0)
        best = shares.topk(min(top, len(self.classes)))
        rows = [
            {"breed": class_names.readable(self.classes[i]), "class": self.classes[i], "probability": p}
            for p, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]
        return {"predictions": rows, "release": self.release}


class Classifier:
    """A trained network that classifies encoded pictures."""

    def __init__(
        self,
        network: networks.Network,
        prepared: networks.Preprocessing,
        classes: list[str],
        release: str | None,
    ) -> None:
        self.network, self.prepared, self.classes, self.release = network, prepared, classes, release

    @torch.inference_mode()
    def logits(self, picture: bytes) -> list[float]:
        """Return one logit per class for a JPEG, PNG or WebP.

        Raises
        ------
        kennel.pictures.PictureError
            The bytes are not a picture, or it is damaged, animated or too large.
        """
        pixels = pictures.read(picture, self.prepared.resize, self.prepared.crop)
        inputs = self.prepared.to_input(torch.from_numpy(pixels.copy())[None])
        return self.network(inputs)[0].tolist()

    def predict(self, picture: bytes) -> Prediction:
        """Return the logits with the names of the classes."""
        return Prediction(self.logits(picture), self.classes, self.release)


def load(model_dir: str | Path) -> Classifier:
    """Load a model folder: ``model.pth``, ``model.json`` and, in a release, ``release.json``.

    Raises
    ------
    TrainingError
        A file is missing, unreadable, or does not fit the others.
    """
    folder = Path(model_dir)
    try:
        model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        state = weights.read_state(folder / "model.pth")
        network, prepared = networks.from_description(model, state)
        release = folder / "release.json"
        name = json.loads(release.read_text(encoding="utf-8"))["id"] if release.is_file() else None
    except FileNotFoundError as error:
        raise TrainingError(f"{error.filename}: missing; {folder} is not a trained model") from None
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise TrainingError(f"{folder}: not a trained model ({error!r:.200})") from error
    return Classifier(network, prepared, model["classes"], name)


def model_fn(model_dir: str) -> Classifier:
    """Load the model once in each server process, with the process's share of the cores."""
    processes = int(os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or 1)
    if not os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    classifier = load(model_dir)
    side = classifier.prepared.crop
    with torch.inference_mode():  # the first pass allocates memory and selects kernels, before any request
        classifier.network(torch.zeros(1, 3, side, side).to(memory_format=torch.channels_last))
    return classifier


def input_fn(body: bytes | bytearray | str, content_type: str | None) -> bytes | Rejection:
    """Return the bytes of one picture; whether they are accepted depends on the content type and the size."""
    kind = (content_type or "").split(";")[0].strip().lower()
    if kind not in PICTURES:
        cause = f"content type {kind[:80]!r} is not served" if kind else "the request has no content type"
        return Rejection(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"{cause}; send image/jpeg, image/png or image/webp"
        )
    if len(body) > BODY_LIMIT:
        return Rejection(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{len(body)} bytes; at most {BODY_LIMIT} are accepted"
        )
    if not body:
        return Rejection(HTTPStatus.BAD_REQUEST, "the body is empty; send the bytes of a picture")
    return body.encode() if isinstance(body, str) else bytes(body)


def predict_fn(data: bytes | Rejection, model: Classifier) -> Prediction | Rejection:
    """Decode and classify; a picture that cannot be used becomes a rejection."""
    if isinstance(data, Rejection):
        return data
    try:
        return model.predict(data)
    except pictures.PictureError as error:
        bad = HTTPStatus.BAD_REQUEST if error.kind == "format" else HTTPStatus.UNPROCESSABLE_ENTITY
        return Rejection(bad, str(error))


def output_fn(prediction: Prediction | Rejection, accept: str, context: Any = None) -> tuple[str, str]:
    """Return the body and its content type; name the release, or set a rejection's status, on the context."""
    if isinstance(prediction, Prediction):
        if prediction.release and _is_live(context):
            context.set_response_header(0, ATTRIBUTES, f"release={prediction.release}")
        accepted = [part.split(";")[0].strip().lower() for part in (accept or JSON).split(",")]
        if PREDICTIONS in accepted:
            return json.dumps(prediction.named()), PREDICTIONS
        if any(kind in (JSON, "application/*", "*/*") for kind in accepted):
            return json.dumps([prediction.logits]), JSON
        prediction = Rejection(
            HTTPStatus.NOT_ACCEPTABLE, f"accept {accept[:80]!r} is not served; use {JSON} or {PREDICTIONS}"
        )
    if not _is_live(context):
        raise _toolkit_error(prediction)
    context.set_response_status(code=prediction.status.value, phrase=prediction.status.phrase)
    return prediction.body(), JSON


def _is_live(context: Any) -> bool:
    """Return whether a context belongs to a request: otherwise it has no request's headers."""
    processors: Any = getattr(context, "request_processor", None)
    return bool(processors and processors[0].get_request_properties())


def _toolkit_error(rejection: Rejection) -> Exception:
    try:
        from sagemaker_inference.errors import BaseInferenceToolkitError
    except ImportError:  # outside the container
        return RequestRejected(rejection.status, rejection.message)
    return BaseInferenceToolkitError(rejection.status.value, rejection.body(), rejection.status.phrase)
