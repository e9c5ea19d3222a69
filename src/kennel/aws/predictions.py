"""Predict many photos: files, addresses and whole folders, a few at a time, into a CSV file."""

from __future__ import annotations

import contextlib
import csv
import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kennel.aws import Progress, photos, prediction
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.prediction import PhotoPrediction
from kennel.aws.session import Workspace
from kennel.errors import KennelError, UsageError

PARALLEL = 4  # requests at a time; a model on this machine uses all cores for each photo
ATTEMPTS = 5  # while the service says that it is busy
LONGEST_PAUSE = 10.0  # seconds between two of them
BUSY = (429, 503)


@dataclass(frozen=True)
class PhotoResult:
    """What became of one photo.

    Parameters
    ----------
    answer
        What was answered; None if it was not sent, or the call failed.
    problem
        Why there are no predictions; empty if there are.
    """

    photo: str
    answer: PhotoPrediction | None
    problem: str

    def as_dict(self) -> dict[str, Any]:
        """Return the result as a JSON document: that of one photo with ``photo``, ``ok`` and ``problem``."""
        answer = self.answer.as_dict() if self.answer else {"statusCode": None, "logits": [], "top": []}
        return {"photo": self.photo, "ok": not self.problem, "problem": self.problem or None, **answer}


def expand(given: Iterable[str]) -> list[str]:
    """Return the photos that are meant: those in a folder and in the folders below it in the order of names.

    Raises
    ------
    UsageError
        A folder has no photo in it.
    """
    return [photo for name in given for photo in ([name] if photos.is_address(name) else _files(name))]


def _files(name: str) -> list[str]:
    from kennel.classifier.data import formats

    folder = Path(name).expanduser()
    if not folder.is_dir():
        return [name]
    known = formats.suffixes()
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in known
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not files:
        raise UsageError(f"{name} has no photo in it: give a folder with JPEG, PNG or WebP files")
    return [str(path) for path in files]


def predict(
    workspace: Workspace,
    stack: Stack,
    names: Sequence[str],
    *,
    via: str,
    top: int,
    progress: Progress,
) -> Iterator[PhotoResult]:
    """Predict photos and yield their results in the same order.

    What is wrong with one photo is its result. A service that is busy is asked again after the time that it
    names, or a second.

    Parameters
    ----------
    progress
        Receives a line for each photo that is made smaller or converted.

    Raises
    ------
    StackError
        No release is deployed, or it cannot be read.
    """
    known = prediction.deployed(stack)  # read once, and first: without a release no photo can be predicted

    def ask(name: str) -> PhotoResult:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = _patiently(
                lambda: prediction.predict(
                    workspace, stack, name, via=via, top=top, progress=progress, release=known
                )
            )
        except (KennelError, ClientError, BotoCoreError) as error:
            return PhotoResult(name, None, " ".join(str(error).split()))
        return result(name, answer)

    if via == "model":
        yield from map(ask, names)
        return
    pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="predict")
    try:
        yield from pool.map(ask, names)
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupted run waits for what it has sent only


def result(photo: str, answer: PhotoPrediction) -> PhotoResult:
    """Return what an answer says of a photo."""
    if answer.status_code == 200:
        return PhotoResult(photo, answer, "")
    return PhotoResult(photo, answer, f"{answer.status_code}: {_reason(answer.error)}")


def _reason(error: Any) -> str:
    """Return the text in ``{"error": …}`` or ``{"message": …}``, which SageMaker passes on as JSON text."""
    with contextlib.suppress(ValueError, TypeError):
        error = json.loads(error)
    if isinstance(error, dict) and (inner := error.get("error") or error.get("message")):
        return _reason(inner)
    return " ".join(str(error).split())


def _patiently(call: Callable[[], PhotoPrediction]) -> PhotoPrediction:
    for attempt in range(1, ATTEMPTS + 1):
        answer = call()
        if answer.status_code not in BUSY or attempt == ATTEMPTS:
            break
        headers = {name.lower(): value for name, value in answer.headers.items()}
        named = headers.get("retry-after", "")
        seconds = min(float(named) if named.isdecimal() else 1.0, LONGEST_PAUSE)
        time.sleep(seconds * random.uniform(1, 1.5))  # noqa: S311 - no secret; callers come back apart
    return answer


def default_csv(workspace: Workspace) -> Path:
    """Return where the table of a folder goes if the user names no file."""
    return workspace.build / "predictions" / f"{datetime.now():%Y%m%d-%H%M%S}.csv"


@contextmanager
def csv_file(path: Path, top: int) -> Iterator[Callable[[PhotoResult], None]]:
    """Open a CSV file; yield a function that writes a photo's row, which is on disk when it returns.

    Raises
    ------
    KennelError
        The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise KennelError(f"{path} cannot be written ({error.strerror}): give another --csv FILE") from None
    ranks = range(1, top + 1)
    columns = [f"{name}_{rank}" for rank in ranks for name in ("breed", "class", "probability")]
    with file:
        rows = csv.writer(file)
        rows.writerow(["photo", "status", *columns, "release", "via", "seconds", "problem"])

        def write(result: PhotoResult) -> None:
            answer = result.answer
            cells = [
                cell
                for best in (answer.top if answer else [])
                for cell in (best["breed"], best["class"], f"{best['probability']:.6f}")
            ]
            cells += [""] * (len(columns) - len(cells))
            about = (answer.release, answer.via, f"{answer.seconds:.3f}") if answer else ("", "", "")
            status = answer.status_code if answer else ""
            rows.writerow([result.photo, status, *cells, *about, result.problem])
            file.flush()

        yield write
