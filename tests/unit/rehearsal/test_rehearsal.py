"""The rehearsal: one at a time, always cleaned up, environment variables restored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from kennel import rehearsal
from kennel.aws.session import Workspace
from kennel.classifier.data import folder
from kennel.errors import KennelError
from kennel.rehearsal import RehearsalResult, steps
from kennel.sample_photos.draw import draw


class CloudThatFails:
    """A cloud whose start fails."""

    def __init__(self, directory: Path, error: BaseException) -> None:
        self.log, self.error, self.stops = directory / "service.log", error, 0

    def start(self, progress: Callable[[str], None]) -> dict[str, str]:
        raise self.error

    def stop(self) -> None:
        self.stops += 1

    def audit_log(self) -> list[dict]:
        return []


def test_a_failing_step_is_recorded_and_the_cloud_stopped(tmp_path: Path) -> None:
    cloud = CloudThatFails(tmp_path / "cloud", KennelError("port 4510 is in use"))

    result = rehearsal.rehearse(cloud, tmp_path)

    assert not result.ok
    assert result.error == "local cloud: port 4510 is in use"
    assert [(step["name"], step["ok"]) for step in result.steps] == [("local cloud", False)]
    assert result.planned[:2] == ["local cloud", "photos"]
    assert result.versions.keys() == {"kennel", "python", "torch"}, "Terraform was not reached"
    assert cloud.stops == 2, "once before the start, once after the failure"
    assert json.loads((tmp_path / "result.json").read_text())["error"] == result.error
    assert "Failed in the step “local cloud”" in (tmp_path / "report.html").read_text()


def test_photos_are_drawn_where_none_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All 133 breeds take seconds; `tests/e2e/test_rehearsal.py` learns them."""
    monkeypatch.setattr(steps, "draw", partial(draw, classes=2, size=96, workers=1))
    cloud = CloudThatFails(tmp_path / "cloud", KennelError("not reached"))
    state = steps.State(Workspace("local", tmp_path / "stack"), cloud, None, None, RehearsalResult())

    dict(steps.STEPS)["photos"](state, lambda line: None)

    assert state.data == tmp_path / "photos-4-1-1"
    photos = folder.read(state.data).splits
    assert {split: len(pictures) for split, pictures in photos.items()} == {"train": 8, "valid": 2, "test": 2}
    assert state.result.photo == str(photos["test"][0].path)


def test_an_interrupt_stops_the_cloud_and_is_raised_again(tmp_path: Path) -> None:
    cloud = CloudThatFails(tmp_path / "cloud", KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        rehearsal.rehearse(cloud, tmp_path)

    assert cloud.stops == 2
    assert json.loads((tmp_path / "result.json").read_text())["error"] == "local cloud: interrupted"
    assert "local cloud: interrupted" in (tmp_path / "report.html").read_text(), "not an earlier report"


def test_a_fault_of_the_program_is_recorded_and_raised_again(tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "history.csv").write_text("epoch,val_loss,val_top1\n1,1.0,1.0\n")

    with pytest.raises(AttributeError):
        rehearsal.rehearse(CloudThatFails(tmp_path / "cloud", AttributeError("no such name")), tmp_path)

    page = (tmp_path / "report.html").read_text()
    assert "local cloud: AttributeError: no such name" in page
    assert "Learning" not in page, "that was an earlier rehearsal"


def test_environment_variables_are_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class CloudOfAnotherAccount(CloudThatFails):
        def start(self, progress: Callable[[str], None]) -> dict[str, str]:
            os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
            raise self.error

    monkeypatch.setenv("AWS_PROFILE", "mine")
    before = dict(os.environ)

    rehearsal.rehearse(CloudOfAnotherAccount(tmp_path, KennelError("no")), tmp_path)

    assert dict(os.environ) == before


def test_a_second_rehearsal_is_refused_while_one_runs(tmp_path: Path) -> None:
    other = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from kennel.rehearsal.run import _exclusive\n"
            f"with _exclusive(Path({str(tmp_path / 'lock')!r})): print('held', flush=True); sys.stdin.read()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        cloud = CloudThatFails(tmp_path, KennelError("never started"))

        with pytest.raises(KennelError, match=rf"already running \(process {other.pid}\)"):
            rehearsal.rehearse(cloud, tmp_path)

        assert cloud.stops == 0, "the cloud of the other rehearsal was not stopped"
    finally:
        other.communicate()
    assert rehearsal.rehearse(CloudThatFails(tmp_path, KennelError("no")), tmp_path).error


def test_bad_arguments_are_refused_before_anything_starts(tmp_path: Path) -> None:
    cloud = CloudThatFails(tmp_path, KennelError("started"))
    (tmp_path / "photos" / "valid").mkdir(parents=True)

    with pytest.raises(KennelError, match=r"no photo at nowhere\.jpg"):
        rehearsal.rehearse(cloud, tmp_path, photo="nowhere.jpg")
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    with pytest.raises(KennelError, match=r"torn\.jpg cannot be read"):
        rehearsal.rehearse(cloud, tmp_path, photo=str(tmp_path / "torn.jpg"))
    with pytest.raises(KennelError, match="train"):
        rehearsal.rehearse(cloud, tmp_path, data=tmp_path / "photos")
