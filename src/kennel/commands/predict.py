"""Ask the deployed model about photos."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from kennel.commands.known_names import Photo
from kennel.commands.task import kennel_task
from kennel.commands.values import Choice, FilePath, Number, Several

if TYPE_CHECKING:
    from kennel.aws.prediction import PhotoPrediction
    from kennel.aws.predictions import PhotoResult

LONGEST_TABLE = 25  # rows of many photos; the CSV file has all


@kennel_task(
    positional=("photo",),
    cloud=True,
    photo="JPEG, PNG or WebP files, or folders of them; through the function or its URL also https:// or s3://",
    via="what is asked; url is the function's, called with a signed request",
    top="how many breeds to name",
    csv="a file for the table (default for folders: a new one below build/)",
)
def predict(
    workspace: Any,
    photo: Annotated[tuple[str, ...], Several(Photo(folders=True))],
    via: Annotated[str, Choice("function", "url", "endpoint", "model")] = "function",
    top: Annotated[int, Number(1)] = 5,
    csv: Annotated[str | None, FilePath()] = None,
) -> dict[str, Any]:
    """Ask which breeds photos show."""
    from kennel import terminal
    from kennel.aws import prediction, predictions
    from kennel.aws.infrastructure import stack

    names = predictions.expand(photo)
    several = len(names) > 1 or names != list(photo)
    path = Path(csv).expanduser() if csv else None
    if names != list(photo):
        path = path or predictions.default_csv(workspace)
    outputs = stack.outputs(workspace)
    asked: dict[str, Any] = {"via": via, "top": top, "progress": terminal.print_line}
    with predictions.csv_file(path, top) if path else nullcontext(lambda result: None) as write:
        if several:
            answers = predictions.predict(workspace, outputs, names, **asked)
            document = _many(answers, len(names), via, write)
        else:
            answer = prediction.predict(workspace, outputs, names[0], **asked)
            write(predictions.result(names[0], answer))
            _print_one(names[0], answer, via)
            document = {"ok": answer.status_code == 200, **answer.as_dict()}
    if path:
        terminal.print_line(f"the table is in {path}")
        document["csv"] = str(path)
    return document


def _print_one(photo: str, answer: PhotoPrediction, via: str) -> None:
    from kennel import terminal

    if answer.status_code != 200:
        terminal.print_error(f"{via} answered {answer.status_code}: {answer.error}")
        return
    rows = [(best["breed"], best["probability"]) for best in answer.top]
    title = f"{photo} ({len(answer.logits)} logits, {answer.seconds:.2f} s via {via})"
    terminal.print_table(title, ("breed", "probability"), rows)
    _print_learned(answer)


def _many(
    answers: Iterable[PhotoResult], total: int, via: str, write: Callable[[PhotoResult], None]
) -> dict[str, Any]:
    from kennel.terminal import counting

    results = []
    with counting.counted("predict", total, "photos") as count:
        for result in answers:
            results.append(result)
            write(result)
            count()
    failed = sum(bool(result.problem) for result in results)
    _print_many(results, via, failed)
    return {"ok": not failed, "failed": failed, "predictions": [result.as_dict() for result in results]}


def _print_many(results: Sequence[PhotoResult], via: str, failed: int) -> None:
    from kennel import terminal

    shown = list(results)
    if len(results) > LONGEST_TABLE:  # those that failed first
        shown = sorted(results, key=lambda result: not result.problem)[:LONGEST_TABLE]
    folder = _folder(results)
    title = f"{len(results)} photos via {via}" + (f", {failed} failed" if failed else "")
    if folder:
        title = f"{folder}: {title}"
    if len(shown) < len(results):
        title += f"; {len(shown)} of them"
    columns = ("photo", "breed", "probability", "then", *(["problem"] if failed else []))
    rows = [(*_row(result, folder), *([result.problem] if failed else [])) for result in shown]
    terminal.print_table(title, columns, rows)
    answers = [result.answer for result in results if result.answer and not result.problem]
    if answers:
        _print_learned(answers[-1])


def _folder(results: Sequence[PhotoResult]) -> str:
    """Return the folder that all photos are in, of which no row needs to speak; empty if there is none."""
    from kennel.aws import photos

    if any(photos.is_address(result.photo) for result in results):
        return ""
    parents = {str(Path(result.photo).expanduser().parent) for result in results}
    try:
        folder = os.path.commonpath(parents)
    except ValueError:  # some paths are absolute, others are not
        return ""
    return "" if folder == "." else folder


def _row(result: PhotoResult, folder: str) -> tuple[Any, ...]:
    name = os.path.relpath(Path(result.photo).expanduser(), folder) if folder else result.photo
    best = result.answer.top if result.answer else []
    if not best:
        return name, None, None, None
    second = " ".join((best[1]["breed"], f"{best[1]['probability']:.2f}")) if len(best) > 1 else None
    return name, best[0]["breed"], best[0]["probability"], second


def _print_learned(answer: PhotoPrediction) -> None:
    from kennel import terminal
    from kennel.classifier.learned import sentence

    if answer.learned:
        terminal.print_line(sentence(answer.learned))
