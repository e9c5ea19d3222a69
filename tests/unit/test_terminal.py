"""Tables: aligned text in a pipe, folded to a terminal's width, and never on the stdout of a --json run."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from kennel import terminal

JOB = "kennel-local-train-20261127001534"
ROWS = [(JOB, "Completed", "2026-11-27 00:15", 93, None), ("短い", "InProgress", "", None, 0.25)]
COLUMNS = ("job", "status", "created", "seconds", "loss")


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(terminal, "_printed", [])
    yield
    terminal.tables_to_stderr(False)


def test_in_a_pipe_a_table_is_aligned_text_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_table("Jobs", COLUMNS, ROWS)

    printed = capsys.readouterr()
    assert printed.err == "Jobs\n"
    assert printed.out.splitlines() == [
        "job                                status      created           seconds   loss",
        "kennel-local-train-20261127001534  Completed   2026-11-27 00:15       93      -",
        "短い                               InProgress  -                       -  0.250",
    ]


def test_two_tables_in_a_pipe_are_divided_by_an_empty_line(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_table("a", ("x",), [(1,)])
    terminal.print_table("b", ("y",), [])

    assert capsys.readouterr().out == "x\n1\n\ny\n"


def test_with_json_tables_are_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.tables_to_stderr(True)
    terminal.print_table("Jobs", COLUMNS, ROWS)

    printed = capsys.readouterr()
    assert printed.out == ""
    assert JOB in printed.err


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_table_fits_its_terminal_and_nothing_is_cut(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    monkeypatch.setattr(terminal, "_tables", screen)

    terminal.print_table("Jobs", COLUMNS, ROWS)

    lines = screen.file.getvalue().splitlines()  # type: ignore[attr-defined]  # a StringIO
    assert max(map(len, lines)) <= width
    first_cells = "".join(line[1 : 1 + lines[2].find("status") - 2].strip() for line in lines[4:])
    assert JOB in first_cells


def test_groups_show_their_name_once_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    monkeypatch.setattr(terminal, "_tables", screen)

    terminal.print_table("plan", ("module", "n"), [("storage", 1), ("storage", 2), ("net", 3)], grouped=True)

    assert screen.file.getvalue().count("storage") == 1  # type: ignore[attr-defined]  # a StringIO


@pytest.mark.parametrize(
    ("answer", "expected"), [("yes\n", True), ("y\n", False), ("", False), ("no\n", False)]
)
def test_only_yes_is_yes(monkeypatch: pytest.MonkeyPatch, answer: str, expected: bool) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))

    assert terminal.ask("apply? ") is expected


def test_a_question_is_not_drawn_over_by_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[bool] = []

    class Answer(io.StringIO):
        def readline(self, size: int | None = -1, /) -> str:
            drawn.extend(line.is_started for line in terminal._lines)
            return "yes\n"

    monkeypatch.setattr(terminal, "console", Console(file=io.StringIO(), force_terminal=True, width=80))
    monkeypatch.setattr("sys.stdin", Answer())

    with terminal.progress("plan"):
        assert terminal.ask("go on? ")
        assert [line.is_started for line in terminal._lines] == [True]
    assert drawn == [False]
    assert terminal._lines == []
