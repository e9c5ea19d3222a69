"""The report shows the result's content, and escapes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from kennel.report import rehearsal_page


def result(**changes: Any) -> dict[str, Any]:
    return {
        "ok": True,
        "steps": [
            {"name": "train", "seconds": 12.5, "ok": True},
            {"name": "predict", "seconds": 0.5, "ok": True},
        ],
        "answer": {
            "statusCode": 200,
            "logits": [0.1, 3.0],
            "top": [{"breed": "Labrador retriever", "class": "096.Labrador_retriever", "probability": 0.95}],
        },
        "accuracy": 0.97,
        "metrics": {},
        "release": "r-0123456789ab",
        "resources": 77,
        "plan_empty": True,
        "destroyed": True,
        "drawn": True,
        "kept": False,
        "photo": "",
        "seconds": 13.0,
        "error": None,
        **changes,
    }


def test_the_page_shows_steps_answer_curve_and_callers(tmp_path: Path) -> None:
    history = tmp_path / "history.csv"
    history.write_text("epoch,train_loss,val_loss,val_top1\n1,2.0,2.1,0.5\n2,1.0,1.4,0.8\n")
    photo = tmp_path / "dog.png"
    Image.new("RGB", (50, 40), "brown").save(photo)
    audit_log = [
        {
            "principal": "arn:aws:sts::123456789012:assumed-role/kennel-local-training/job",
            "action": "s3:GetObject",
            "resource": "arn:aws:s3:::photos/1.jpg",
            "decision": decision,
            "reason": "no statement allows it",
        }
        for decision in ("allow", "allow", "deny")
    ]

    page = rehearsal_page.write(
        tmp_path / "report.html", result(photo=str(photo)), audit_log, tmp_path
    ).read_text()

    for text in (
        "12.5",
        "Labrador retriever",
        "0.950",
        "97.0 %",
        "<svg",
        "data:image/jpeg",
        "kennel-local-training",
    ):
        assert text in page
    assert "no statement allows it" in page


def test_a_failure_is_shown_and_escaped(tmp_path: Path) -> None:
    failed = result(
        ok=False, answer=None, accuracy=None, error="train: <script>alert(1)</script>", destroyed=False
    )

    page = rehearsal_page.write(tmp_path / "report.html", failed, []).read_text()

    assert "✗ failed" in page
    assert "<script>" not in page
