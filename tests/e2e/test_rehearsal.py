"""The one command, as a person runs it."""

from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path

import pytest

TIMEOUT = 900  # seconds; three minutes on a quiet machine
pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.timeout(TIMEOUT + 60)]

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT.parent / "shared" / "data" / "lab.jpg"


@pytest.fixture(scope="module")
def rehearsal() -> dict:
    """Run the rehearsal and return the document it leaves."""
    photo = ["--photo", str(LAB)] if LAB.exists() else []
    run = subprocess.run(
        [str(ROOT / "kennel"), "rehearse", "--json", *photo],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
        env={**os.environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
    )
    assert run.returncode == 0, run.stderr[-3000:]
    document = json.loads((ROOT / "build" / "rehearsal" / "result.json").read_text())
    assert json.loads(run.stdout) == document
    return document


def test_the_function_answered_with_a_finite_logit_a_breed(rehearsal: dict) -> None:
    assert rehearsal["answer"]["statusCode"] == 200
    assert len(rehearsal["answer"]["logits"]) == 133
    assert all(math.isfinite(logit) for logit in rehearsal["answer"]["logits"])
    assert sum(one["probability"] for one in rehearsal["answer"]["top"]) <= 1 + 1e-9


def test_the_plan_settled_and_everything_went(rehearsal: dict) -> None:
    assert rehearsal["plan_empty"] is True
    assert rehearsal["destroyed"] is True
    assert all(step["ok"] and step["seconds"] >= 0 for step in rehearsal["steps"])


def test_the_model_learnt(rehearsal: dict) -> None:
    assert rehearsal["accuracy"] > 0.5, "chance is 1 in 133"


def test_the_report_shows_it(rehearsal: dict) -> None:
    page = (ROOT / "build" / "rehearsal" / "report.html").read_text()

    assert rehearsal["answer"]["top"][0]["breed"] in page
    assert all(step["name"] in page for step in rehearsal["steps"])


def test_nothing_of_it_runs_any_more(rehearsal: dict) -> None:
    cloud = str(ROOT / "build" / "rehearsal" / "cloud")
    commands = [
        path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.exists()
    ]

    assert not [command for command in commands if cloud in command]
