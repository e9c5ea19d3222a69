"""What is shown and asked before a stack is changed."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from kennel import terminal
from kennel.__main__ import main
from kennel.aws.infrastructure.changes import AttributeChange, Changes, ResourceChange

PLANNED = Changes(
    add=2,
    planned=[
        ResourceChange("create", "module.storage.aws_s3_bucket.this"),
        ResourceChange("create", "module.network.aws_vpc.this"),
    ],
)


class PlannedStack:
    """Stands for Terraform: shows one plan, and records whether it was applied."""

    def __init__(self, changes: Changes) -> None:
        self.changes, self.applied, self.destroys = changes, 0, False

    @contextmanager
    def planned(
        self, workspace: Any, progress: Any = None, *, destroy: bool = False, approve: Any = None
    ) -> Iterator[Any]:
        self.destroys = destroy
        yield SimpleNamespace(changes=self.changes, apply=self._apply)

    def _apply(self, progress: Any) -> Changes:
        self.applied += 1
        return self.changes


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> PlannedStack:
    planned = PlannedStack(PLANNED)
    monkeypatch.setattr("kennel.aws.infrastructure.stack.planned", planned.planned)
    monkeypatch.setattr("kennel.aws.infrastructure.stack.lock", lambda workspace: None)
    monkeypatch.setattr(
        "kennel.commands.task._workspace", lambda environment: SimpleNamespace(environment=environment)
    )
    monkeypatch.setattr("kennel.commands.acts_on.announce", lambda environment: None)
    monkeypatch.setattr(terminal, "_printed", [])
    return planned


def answering(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(terminal, "can_ask", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))


def exit_code(*arguments: str) -> int:
    """Run a task in this process and return its exit code."""
    try:
        main(["kennel", *arguments])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.mark.parametrize("task", ["stack.apply", "stack.destroy"])
def test_without_a_terminal_aws_is_not_changed(
    task: str, planned: PlannedStack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(task, "--env", "prod") == 2
    assert planned.applied == 0
    assert "add --yes" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "code", "applied"), [("yes\n", 0, 1), ("no\n", 1, 0), ("", 1, 0)])
def test_on_aws_the_plan_is_shown_then_asked_about(
    answer: str,
    code: int,
    applied: int,
    planned: PlannedStack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answering(monkeypatch, answer)

    assert exit_code("stack.apply", "--env", "dev") == code
    assert planned.applied == applied
    printed = capsys.readouterr()
    assert "aws_s3_bucket.this" in printed.out
    assert "apply this in dev? Type yes to go on:" in printed.err


@pytest.mark.parametrize("arguments", [["--env", "dev", "--yes"], ["--env=local"]])
def test_yes_and_the_local_cloud_are_not_asked(arguments: list[str], planned: PlannedStack) -> None:
    assert exit_code("stack.destroy", *arguments) == 0
    assert (planned.applied, planned.destroys) == (1, True)


def test_nothing_is_asked_where_nothing_changes(
    planned: PlannedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned.changes = Changes()
    answering(monkeypatch, "no\n")

    assert exit_code("stack.apply", "--env", "dev") == 0


def test_a_plan_is_a_table_by_module_with_counts(
    planned: PlannedStack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("stack.apply", "--env=local") == 0

    assert capsys.readouterr().out.splitlines() == [
        "module   action  resource",
        "network  create  aws_vpc.this",
        "storage  create  aws_s3_bucket.this",
        "",
        "module   add  change  remove",
        "network    1       0       0",
        "storage    1       0       0",
    ]


def test_drift_shows_attributes_and_is_a_failure(
    planned: PlannedStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change = AttributeChange("module.storage.aws_s3_bucket.this", "tags.Team", None, "a")
    drifted = Changes(change=1, planned=[ResourceChange("update", change.address)], attributes=[change])
    monkeypatch.setattr("kennel.aws.infrastructure.stack.drift", lambda *_, **__: drifted)

    assert exit_code("stack.drift", "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert document["attributes"] == [change.as_dict()]

    assert exit_code("stack.drift") == 1
    assert "module.storage.aws_s3_bucket.this  tags.Team  -       a" in capsys.readouterr().out
