"""What `predict` prints and returns for one photo and for many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kennel.__main__ import main
from kennel.aws import prediction
from kennel.aws.infrastructure import stack
from kennel.aws.prediction import PhotoPrediction
from kennel.commands import acts_on

TOP = [{"breed": "Boxer", "class": "001.Boxer", "probability": 0.75}]
ONE_PHOTO = ["ok", "statusCode", "headers", "logits", "top", "error", "via", "release", "seconds", "learned"]


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two photos, of which the function refuses ``bad.jpg``."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("bad.jpg", "good.jpg"):
        Image.new("RGB", (8, 8)).save(folder / name)

    def predict(_: Any, __: Any, photo: str, *, via: str, **___: Any) -> PhotoPrediction:
        if photo.endswith("bad.jpg"):
            return PhotoPrediction(422, {}, [], [], {"error": "too dark"}, via, "r-1", 0.1)
        return PhotoPrediction(200, {}, [1.0], TOP, None, via, "r-1", 0.1)

    monkeypatch.setattr(prediction, "predict", predict)
    monkeypatch.setattr(prediction, "deployed", lambda _: None)
    monkeypatch.setattr(stack, "outputs", lambda _: {})
    monkeypatch.setattr(acts_on, "announce", lambda _: None)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("KENNEL_ENV", "local")
    monkeypatch.setenv("KENNEL_WORKSPACE", str(tmp_path / "build"))
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    """Run the task with ``--json``; return its exit code, its document and what it printed for people."""
    code = 0
    try:
        main(["kennel", "predict", *words, "--json"])
    except SystemExit as end:
        code = int(end.code or 0)
    captured = capsys.readouterr()
    assert captured.out, captured.err
    return code, json.loads(captured.out), captured.err


def test_one_photo_is_one_document_without_a_list(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document, text = run(capsys, str(photos / "good.jpg"))
    assert (code, list(document)) == (0, ONE_PHOTO)
    assert "Boxer" in text


def test_a_folder_has_a_list_a_table_and_a_file(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document, text = run(capsys, str(photos))
    assert (code, document["ok"], document["failed"]) == (1, False, 1)
    assert [entry["photo"] for entry in document["predictions"]] == [
        str(photos / name) for name in ("bad.jpg", "good.jpg")
    ]
    assert [entry["ok"] for entry in document["predictions"]] == [False, True]
    assert document["predictions"][1]["top"] == TOP
    assert f"{photos}: 2 photos via function, 1 failed" in text
    assert [line.split()[0] for line in text.splitlines() if ".jpg " in line] == ["bad.jpg", "good.jpg"]
    assert "422: too dark" in text
    assert document["csv"] in text
    assert photos.parent / "build" / "predictions" == Path(document["csv"]).parent
    assert len(Path(document["csv"]).read_text().splitlines()) == 3


def test_several_photos_need_no_file(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = str(photos / "good.jpg")
    code, document, _ = run(capsys, good, good, "--via", "endpoint")
    assert (code, document["ok"], "csv" in document) == (0, True, False)
    assert [entry["via"] for entry in document["predictions"]] == ["endpoint"] * 2


def test_a_file_for_one_photo(photos: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    code, document, _ = run(capsys, str(photos / "good.jpg"), "--csv", str(table), "--top", "1")
    assert (code, document["csv"]) == (0, str(table))
    assert table.read_text().splitlines()[1].startswith(f"{photos / 'good.jpg'},200,Boxer,001.Boxer,0.75")
