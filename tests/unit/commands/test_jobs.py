"""The tasks of jobs: what they print on standard output, and which command lines they refuse."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from kennel import terminal
from kennel.__main__ import main
from kennel.aws.training.comparison import Training
from kennel.aws.training.jobs import Job
from kennel.aws.training.logs import Line, Source

CREATED = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
TRAINED = Job(
    "kennel-local-train-1",
    "training",
    "Completed",
    CREATED,
    93.1,
    93,
    2,
    "ml.m5.large",
    {"test_top1": 0.9375},
)
TUNED = Job("kennel-local-tune-1", "tuning", "InProgress", CREATED, trials=(3, 20))


@pytest.fixture(autouse=True)
def _stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kennel.commands.task._workspace", lambda environment: SimpleNamespace())
    monkeypatch.setattr("kennel.commands.acts_on.announce", lambda environment: None)
    monkeypatch.setattr("kennel.aws.infrastructure.stack.outputs", lambda workspace: {})
    monkeypatch.setattr(terminal, "_printed", [])


def run(*arguments: str) -> int:
    """Run a task in this process and return its exit code."""
    try:
        main(["kennel", *arguments])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_jobs_are_a_table_on_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []

    def newest(*arguments: Any, **options: Any) -> list[Job]:
        asked.append((arguments[1:], options))
        return [TUNED, TRAINED]

    monkeypatch.setattr("kennel.aws.training.jobs.newest", newest)

    assert run("jobs", "--type", "tuning", "--limit", "2", "--trials") == 0
    assert asked == [(("tuning", 2), {"trials": True})]
    assert capsys.readouterr().out.splitlines() == [
        "job                   status           created           seconds  instances      metric",
        "kennel-local-tune-1   InProgress 3/20  2026-11-27 10:00        -  -              -",
        "kennel-local-train-1  Completed        2026-11-27 10:00       93  2 ml.m5.large  test_top1 0.9375",
    ]


def test_jobs_as_json_have_all_metrics(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("kennel.aws.training.jobs.newest", lambda *_, **__: [TRAINED])

    assert run("jobs", "--json") == 0
    (job,) = json.loads(capsys.readouterr().out)["jobs"]
    assert (job["job"], job["metrics"], job["billable_seconds"]) == (TRAINED.name, {"test_top1": 0.9375}, 93)


class Reads:
    """Stands for a log of two lines, the second of which comes later."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def last(self, count: int) -> list[Line]:
        return [Line(0, "s", f"last {count}")]

    def follow(self) -> list[Line]:
        return [Line(1000, "s", "later")]

    def label(self, line: Line) -> str:
        return "algo-1"


def test_lines_of_a_log_are_all_that_is_on_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "kennel.aws.training.logs.source_of", lambda *_: Source("/group", "job/", lambda: True)
    )
    monkeypatch.setattr("kennel.aws.training.logs.Reader", Reads)

    assert run("logs", "job", "--lines", "7", "--follow") == 0
    assert capsys.readouterr().out == (
        "1970-01-01 00:00:00 algo-1 last 7\n1970-01-01 00:00:01 algo-1 later\n"
    )
    assert run("logs", "job", "--json") == 0
    assert [line["message"] for line in json.loads(capsys.readouterr().out)["lines"]] == ["last 100"]


def test_ctrl_c_ends_following_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(self: Reads) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kennel.aws.training.logs.source_of", lambda *_: Source("/group"))
    monkeypatch.setattr("kennel.aws.training.logs.Reader", Reads)
    monkeypatch.setattr(Reads, "follow", interrupted)

    assert run("logs", "function", "--follow") == 130
    assert capsys.readouterr().err.splitlines() == ["error interrupted"]


def test_a_log_that_does_not_end_has_no_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("kennel.aws.training.logs.source_of", lambda *_: Source("/group"))

    assert run("logs", "endpoint", "--follow", "--json") == 2
    assert "leave out --json" in capsys.readouterr().err


@pytest.mark.parametrize("stopped", [True, False])
def test_stop_says_the_final_status(
    stopped: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("kennel.aws.training.jobs.stop", lambda *_: (TRAINED, stopped))

    assert run("stop", TRAINED.name, "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["stopped"] is stopped
    assert f"{TRAINED.name}: Completed" in printed.err


@pytest.mark.parametrize(
    "words", [["a", "b"], ["--job", "a", "--job=b"], ["a", "b", "--json"], ["a", "b", "a"]]
)
def test_any_number_of_jobs_is_compared(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []

    def trainings(_: Any, names: list[str]) -> list[Training]:
        asked.append(names)
        epochs = {"a": {"epochs": "3", "seed": "1"}, "b": {"seed": "1"}}
        return [Training(name, "Completed", epochs[name], {"test_top1": 0.5}) for name in names]

    monkeypatch.setattr("kennel.aws.training.comparison.trainings", trainings)

    assert run("compare", *words) == 0
    assert asked == [["a", "b"]]
    if "--json" not in words:
        assert capsys.readouterr().out.splitlines() == [
            "setting  a  b",
            "epochs   3  default",
            "",
            "metric     a          b",
            "status     Completed  Completed",
            "test_top1  0.5        0.5",
        ]


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["compare", "a"], "compare needs two jobs or more"),
        (["compare", "a", "a"], "compare needs two jobs or more"),
        (["compare"], "compare needs JOB"),
        (["compare", "a", "b/c"], "'b/c' is no name of a job"),
        (["logs", "a", "--lines", "-1"], "--lines"),
        (["jobs", "--type", "serving"], "use one of training, tuning, processing"),
        (["jobs", "--limit", "0"], "--limit"),
    ],
)
def test_a_wrong_command_line_is_refused(
    arguments: list[str], remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    assert remedy in capsys.readouterr().err
