"""Many photos: which ones, in which order, what fails, what is written."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kennel.aws import StackError, prediction, predictions
from kennel.aws.prediction import PhotoPrediction
from kennel.aws.session import Workspace
from kennel.errors import KennelError, UsageError

TOP = [
    {"breed": "Boxer", "class": "001.Boxer", "probability": 0.75},
    {"breed": "Pug, small", "class": "002.Pug", "probability": 0.25},
]


def answer(status: int = 200, headers: dict[str, str] | None = None, error: Any = None) -> PhotoPrediction:
    """Return an answer of the function."""
    logits, top = ([1.0, 0.0], TOP) if status == 200 else ([], [])
    return PhotoPrediction(status, headers or {}, logits, top, error, "function", "r-1", 0.25)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], list[str]]:
    """Let photos have given answers, one after the other; return the list of what was asked."""

    def play(answers: dict[str, Any]) -> list[str]:
        calls: list[str] = []

        def predict(_: Any, __: Any, photo: str, **options: Any) -> PhotoPrediction:
            assert options["release"] == "the release"
            calls.append(photo)
            answered = answers[photo].pop(0) if isinstance(answers[photo], list) else answers[photo]
            if isinstance(answered, Exception):
                raise answered
            return answered

        monkeypatch.setattr(prediction, "predict", predict)
        monkeypatch.setattr(prediction, "deployed", lambda _: "the release")
        return calls

    return play


def run(names: list[str], via: str = "function") -> list[predictions.PhotoResult]:
    """Predict photos."""
    workspace = Workspace("local", Path())
    stack: Any = {}
    return list(predictions.predict(workspace, stack, names, via=via, top=2, progress=lambda _: None))


def test_a_folder_stands_for_the_pictures_in_it_and_below(tmp_path: Path) -> None:
    for name in ("b/2.JPG", "b/1.webp", "a.png", "notes.txt", ".hidden/3.jpg", "b/.4.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = [f"{tmp_path}/{name}" for name in ("a.png", "b/1.webp", "b/2.JPG")]
    given = ["https://example.org/dog.jpg", str(tmp_path), "s3://bucket/dog.jpg", "dog.jpg"]
    assert predictions.expand(given) == [given[0], *found, *given[2:]]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(UsageError, match="has no photo in it"):
        predictions.expand([str(tmp_path)])


@pytest.mark.parametrize("via", ["function", "model"])
def test_results_keep_the_order_and_a_failure_is_the_photo_s_own(asked: Any, via: str) -> None:
    names = [f"{number}.jpg" for number in range(10)]
    answers = {name: answer() for name in names} | {
        "3.jpg": answer(422, error={"error": {"status": 422, "message": "it is damaged"}}),
        "4.jpg": answer(415, error={"error": '{"error": {"status": 415, "message": "no photo"}}'}),
        "5.jpg": StackError("5.jpg cannot\nbe sent"),
    }
    asked(answers)
    results = run(names, via)
    assert [result.photo for result in results] == names
    problems = {result.photo: result.problem for result in results if result.problem}
    assert problems == {
        "3.jpg": "422: it is damaged",
        "4.jpg": "415: no photo",
        "5.jpg": "5.jpg cannot be sent",
    }
    assert results[5].as_dict()["statusCode"] is None
    assert results[3].as_dict()["statusCode"] == 422
    assert results[0].as_dict() == {"photo": "0.jpg", "ok": True, "problem": None, **answer().as_dict()}


def test_who_is_busy_is_asked_again_when_it_says(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(predictions.time, "sleep", pauses.append)
    busy = answer(503, {"retry-after": "7"}, {"error": "busy"})
    calls = asked({"a.jpg": [busy, answer(429, {}, {"error": "slow down"}), answer()]})
    assert run(["a.jpg"])[0].problem == ""
    assert calls == ["a.jpg"] * 3
    assert 7 <= pauses[0] <= 10.5
    assert 1 <= pauses[1] <= 1.5


def test_who_stays_busy_is_not_asked_for_ever(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions.time, "sleep", lambda _: None)
    calls = asked({"a.jpg": answer(503, {}, {"error": "busy"})})
    assert run(["a.jpg"])[0].problem == "503: busy"
    assert len(calls) == predictions.ATTEMPTS


def test_each_row_is_on_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "table.csv"
    with predictions.csv_file(path, 3) as write:
        write(predictions.result("a,b.jpg", answer()))
        write(predictions.result("c.jpg", answer(422, error={"error": "damaged"})))
        write(predictions.PhotoResult("d.jpg", None, "no photo"))
        rows = list(csv.DictReader(path.open(encoding="utf-8", newline="")))
    assert [row["photo"] for row in rows] == ["a,b.jpg", "c.jpg", "d.jpg"]
    assert [row["status"] for row in rows] == ["200", "422", ""]
    assert [row["problem"] for row in rows] == ["", "422: damaged", "no photo"]
    first = rows[0]
    assert (first["breed_1"], first["class_2"], first["probability_2"]) == ("Boxer", "002.Pug", "0.250000")
    assert (first["breed_2"], first["breed_3"], first["release"]) == ("Pug, small", "", "r-1")


def test_a_file_that_cannot_be_written_is_named_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KennelError, match="--csv FILE"), predictions.csv_file(tmp_path / "file" / "a.csv", 1):
        pass


def test_without_a_release_no_photo_is_read() -> None:
    stack: Any = {"endpoint": {"release_id": None}}
    results = predictions.predict(
        Workspace("local", Path()), stack, ["nowhere.jpg"], via="url", top=1, progress=lambda _: None
    )
    with pytest.raises(StackError, match="no release is deployed"):
        next(results)


def test_a_folder_is_an_argument_like_a_photo(tmp_path: Path) -> None:
    from kennel.commands.known_names import Photo

    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg")
    assert Photo(folders=True).read(str(tmp_path)) == str(tmp_path)
    with pytest.raises(UsageError, match="is a folder: give one photo in it"):
        Photo().read(str(tmp_path))
