"""`./kennel rehearse`, as a person runs it."""

from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path

import pytest

from kennel.sample_photos.draw import draw, photo

from .planted_secrets import PLANTED, files, holders

TIMEOUT = 900  # seconds; three minutes on a quiet machine
pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.timeout(TIMEOUT + 60)]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory, provider_shared: None) -> dict:
    """Run the rehearsal and return the document that it writes."""
    folder = tmp_path_factory.mktemp("photos")
    lab = folder / "lab.jpg"
    photo(breed=95, number=99).save(lab)
    # Half as many photos as a rehearsal draws by itself, which tests/unit/rehearsal tests.
    drawn = draw(folder / "drawn", per_class={"train": 1, "valid": 1, "test": 1}, workers=1)
    run = subprocess.run(
        [str(ROOT / "kennel"), "rehearse", "--json", "--photo", str(lab), "--data", str(drawn)],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
        env={**os.environ, **PLANTED, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
    )
    assert run.returncode == 0, run.stderr[-3000:]
    document = json.loads((ROOT / "build" / "rehearsal" / "result.json").read_text())
    assert json.loads(run.stdout) == document
    return document


def test_the_function_answered_with_a_finite_logit_a_breed(rehearsal: dict) -> None:
    assert rehearsal["answer"]["statusCode"] == 200
    assert len(rehearsal["answer"]["logits"]) == 133
    assert all(math.isfinite(logit) for logit in rehearsal["answer"]["logits"])
    assert sum(prediction["probability"] for prediction in rehearsal["answer"]["top"]) <= 1 + 1e-9


def test_the_second_plan_is_empty_and_the_stack_is_destroyed(rehearsal: dict) -> None:
    assert rehearsal["plan_empty"] is True
    assert rehearsal["destroyed"] is True
    assert all(step["ok"] and step["seconds"] >= 0 for step in rehearsal["steps"])


def test_the_model_learnt(rehearsal: dict) -> None:
    assert rehearsal["accuracy"] > 0.5, "chance is 1 in 133"
    assert rehearsal["learned"] == {
        "photos": "drawn",
        "train": 133,
        "classes": 133,
        "prior": "imagenet",
        "known_classes": 89,
    }


def test_the_report_shows_it(rehearsal: dict) -> None:
    page = (ROOT / "build" / "rehearsal" / "report.html").read_text()

    assert rehearsal["answer"]["top"][0]["breed"] in page
    assert all(step["name"] in page for step in rehearsal["steps"])


def test_no_call_was_denied_and_every_grant_has_a_use_or_a_reason(rehearsal: dict) -> None:
    run = subprocess.run(
        [str(ROOT / "kennel"), "audit.access", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    document = json.loads(run.stdout)
    assert document["findings"] == []
    assert run.returncode == 0
    assert document["denied"] == 0
    called = {role["role"] for role in document["roles"] if role["calls"]}
    assert called == {"deploy", "endpoint", "function", "notebook", "plan", "training"}
    assert document["mutation"]["percent"] == 100


def test_what_it_leaves_holds_no_credential(rehearsal: dict) -> None:
    folder = ROOT / "build" / "rehearsal"
    operator = folder / "cloud" / "operator-secret"
    secrets = {**PLANTED, "the operator's secret": operator.read_text().strip()}
    kept = [operator, folder / "cloud" / "state"]

    assert holders(files(folder, without=kept), secrets) == []


def test_no_process_of_its_cloud_is_left(rehearsal: dict) -> None:
    cloud = str(ROOT / "build" / "rehearsal" / "cloud")
    commands = [
        path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.exists()
    ]

    assert not [command for command in commands if cloud in command]
