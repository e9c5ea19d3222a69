"""The report shows the result's content, escapes it, loads nothing, and claims only what was reached."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kennel.report import rehearsal_page

STEPS = ("local cloud", "photos", "create the stack", "train", "predict", "plan again", "destroy")


def result(**changes: Any) -> dict[str, Any]:
    return {
        "ok": True,
        "steps": [
            {"name": name, "started": 10.0 * number, "seconds": 9.5, "ok": True}
            for number, name in enumerate(STEPS)
        ],
        "planned": list(STEPS),
        "answer": {
            "statusCode": 200,
            "logits": [0.1, 3.0],
            "top": [{"breed": "Labrador retriever", "class": "096.Labrador_retriever", "probability": 0.953}],
        },
        "latency": {"first": 1.234, "warm": [0.21, 0.19, 0.2]},
        "accuracy": 0.5,
        "metrics": {"ece": 0.123},
        "release": "r-0123456789ab",
        "plan": ["create module.storage.aws_s3_bucket.this", "create module.identity.aws_iam_role.this"],
        "resources": 77,
        "plan_empty": True,
        "destroyed": True,
        "drawn": True,
        "kept": False,
        "data": "",
        "photo": "",
        "started_at": "2026-11-27T09:05:00+00:00",
        "seconds": 69.5,
        "versions": {"kennel": "9.8.7", "terraform": "1.11.4", "provider": "5.100.0"},
        "log": "build/rehearsal/cloud/service.log",
        "error": None,
        **changes,
    }


def audit_entry(decision: str = "allow") -> dict[str, Any]:
    return {
        "principal": "arn:aws:sts::123456789012:assumed-role/kennel-local-training/job",
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::photos/1.jpg",
        "decision": decision,
        "reason": "no statement allows it",
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder of two classes with a photo in each split."""
    for split in ("train", "test"):
        for name in ("001.Affenpinscher", "096.Labrador_retriever"):
            path = tmp_path / "photos" / split / name / "1.jpg"
            path.parent.mkdir(parents=True)
            Image.new("RGB", (50, 40), "brown").save(path)
    return tmp_path / "photos"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """What a training writes: one of its two test photos was wrong."""
    folder = tmp_path / "training"
    folder.mkdir()
    (folder / "history.csv").write_text("epoch,train_loss,val_loss,val_top1\n1,2.0,2.1,0.5\n2,1.0,1.4,0.8\n")
    rows = [
        ("test/001.Affenpinscher/1.jpg", "001.Affenpinscher", "096.Labrador_retriever", 0.7, 0.3),
        ("test/096.Labrador_retriever/1.jpg", "096.Labrador_retriever", "096.Labrador_retriever", 0.9, 0.9),
    ]
    names = ("photo", "class", "predicted", "probability", "class_probability")
    tested = [dict(zip(names, row, strict=True)) for row in rows]
    (folder / "predictions.json").write_text(json.dumps({"test": tested}))
    (folder / "run.json").write_text(
        json.dumps({"arguments": {"epochs": 20, "model_dir": "/opt/ml/model"}, "device": "cpu"})
    )
    return folder


def text_of(page: str) -> str:
    text = re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)
    return " ".join(text.replace("&nbsp;", " ").split())


def test_a_successful_rehearsal_shows_all_sections(tmp_path: Path, data: Path, records: Path) -> None:
    photo = data / "test" / "096.Labrador_retriever" / "1.jpg"
    document = result(
        photo=str(photo),
        data=str(data),
        learned={"photos": "drawn", "train": 532, "classes": 133, "prior": "imagenet", "known_classes": 118},
    )

    page = rehearsal_page.write(
        tmp_path / "report.html", document, [audit_entry(), audit_entry("deny")], records
    ).read_text()

    text = text_of(page)
    for content in (
        "✓ All 7 steps succeeded in 70 seconds · 27 November 2026, 09:05",
        "Labrador retriever 95.3 %",
        "The model learnt from 532 drawn photos, 133 classes; ImageNet knew 118 of the 133 classes.",
        "test top-1 50.0 %",
        "1 of 2 photos",
        "Expected calibration error: 0.123",
        "first call 1234 ms",
        "median of the 3 after it 200 ms",
        "no statement allows it",
        "2 resources in 2 modules",
        "kennel 9.8.7",
        "epochs 20",
    ):
        assert content in text, content
    assert "/opt/ml/model" not in text
    # The photo, two training photos, the wrong test photo.
    assert page.count("data:image/jpeg;base64,") == 4
    assert page.count("<polyline") == 3


def test_a_failure_says_where_and_claims_nothing_that_was_not_reached(tmp_path: Path) -> None:
    steps = [{"name": name, "started": 0.0, "seconds": 1.0, "ok": name != "train"} for name in STEPS[:4]]
    failed = result(
        ok=False,
        steps=steps,
        answer=None,
        latency=None,
        accuracy=None,
        metrics={},
        release=None,
        plan_empty=False,
        destroyed=False,
        error="train: the training loss became nan; lower --lr",
    )

    page = rehearsal_page.write(tmp_path / "report.html", failed, [], tmp_path / "no records").read_text()

    text = text_of(page)
    assert "✗ Failed in the step “train”" in text
    assert "train: the training loss became nan; lower --lr" in text
    assert "build/rehearsal/cloud/service.log" in text
    assert "Not reached: predict, plan again, destroy." in text
    for claim in (
        "second plan",
        "destroyed",
        "test top-1",
        "logits",
        "Latency",
        "learnt",
        "Learning",
        "Labrador",
    ):
        assert claim not in text, claim


def test_a_failed_destruction_is_no_success(tmp_path: Path) -> None:
    document = result(ok=False, destroyed=False, error="destroy: not destroyed: kennel-local-data")
    document["steps"][-1]["ok"] = False

    text = text_of(rehearsal_page.write(tmp_path / "report.html", document, []).read_text())

    assert "resources destroyed not finished" in text
    assert "77" not in text


def test_strings_from_outside_are_escaped(tmp_path: Path, records: Path) -> None:
    attack = '"><script>alert(1)</script>'
    rows = json.loads((records / "predictions.json").read_text())
    rows["test"][0] |= {"class": attack, "photo": f"../../{attack}.jpg"}
    (records / "predictions.json").write_text(json.dumps(rows))
    document = result(error=attack, release=attack, plan=[f"create {attack}"], versions={attack: attack})
    document["answer"]["top"][0]["breed"] = attack
    log = [{**audit_entry("deny"), "action": attack, "principal": attack, "reason": attack}]

    page = rehearsal_page.write(tmp_path / "report.html", document, log, records).read_text()

    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)") > 5


def test_the_page_loads_nothing(tmp_path: Path, data: Path, records: Path) -> None:
    page = rehearsal_page.write(
        tmp_path / "report.html", result(data=str(data)), [audit_entry()], records
    ).read_text()

    assert "default-src 'none'; img-src data:; style-src 'sha256-" in page
    assert not re.findall(r"""(?:src|href|url\(|@import)\s*=?\s*["']?(?:https?:|//|file:)""", page)
    assert "style=" not in page, "the content security policy forbids style attributes"


@pytest.mark.parametrize(
    ("name", "pictures"),
    [("test/096.Labrador_retriever/linked.jpg", 3), ("../private.jpg", 2), ("/{outside}/private.jpg", 2)],
)
def test_a_wrong_photo_is_embedded_from_the_data_folder_alone(
    tmp_path: Path, data: Path, records: Path, name: str, pictures: int
) -> None:
    """A folder that Kennel splits holds links to the photos; the two other pictures are training photos."""
    private = tmp_path / "private.jpg"
    Image.new("RGB", (50, 40), "red").save(private)
    (data / "test" / "096.Labrador_retriever" / "linked.jpg").symlink_to(private)
    rows = json.loads((records / "predictions.json").read_text())
    rows["test"] = [{**rows["test"][0], "photo": name.format(outside=tmp_path)}]
    (records / "predictions.json").write_text(json.dumps(rows))

    page = rehearsal_page.write(tmp_path / "report.html", result(data=str(data)), [], records).read_text()

    assert page.count("data:image/jpeg;base64,") == pictures


def test_a_photo_that_was_converted_to_be_sent_is_shown(tmp_path: Path) -> None:
    photo = tmp_path / "dog.bmp"
    Image.new("RGB", (50, 40), "brown").save(photo)

    page = rehearsal_page.write(tmp_path / "report.html", result(photo=str(photo)), []).read_text()
    photo.write_bytes(b"torn")
    without = rehearsal_page.write(tmp_path / "report.html", result(photo=str(photo)), []).read_text()

    assert page.count("data:image/jpeg;base64,") == 1
    assert "data:image" not in without


def test_calls_of_the_operator_alone_are_listed_by_service(tmp_path: Path) -> None:
    log = [{**audit_entry("unrestricted"), "principal": "arn:aws:iam::123456789012:user/kennel-operator"}]

    page = rehearsal_page.write(tmp_path / "report.html", result(), log).read_text()

    assert "s3 1 GetObject" in text_of(page)
    assert 'class="matrix"' not in page


@pytest.mark.parametrize(("classes", "shown"), [(3, "table"), (30, "map")])
def test_few_classes_are_a_table_and_many_a_map(tmp_path: Path, classes: int, shown: str) -> None:
    names = [f"{number:03d}.Breed_{number}" for number in range(classes)]
    tested = [
        {
            "photo": f"{name}.jpg",
            "class": name,
            "predicted": name,
            "probability": 0.9,
            "class_probability": 0.9,
        }
        for name in names
    ]
    (tmp_path / "predictions.json").write_text(json.dumps({"test": tested}))

    page = rehearsal_page.write(tmp_path / "report.html", result(), [], tmp_path).read_text()

    assert ('class="confusion"' in page) == (shown == "table")
    assert (f"Confusion matrix of {classes} classes" in page) == (shown == "map")
    assert "No test photo was wrong" in text_of(page)
