"""The workflows of GitHub: what they may do, and what they run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

GITHUB = Path(__file__).resolve().parents[3] / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FILES = [*WORKFLOWS, *sorted(GITHUB.glob("actions/*/action.yml"))]
PINNED = re.compile(r"[\w-]+/[\w./-]+@[0-9a-f]{40}")
COMMENTED = re.compile(r"^\s*(?:- )?uses: \S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def read(path: Path) -> dict[Any, Any]:
    document: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def triggers(workflow: dict[Any, Any]) -> dict[str, Any]:
    """Return what starts a workflow; YAML 1.1 reads the key `on` as true."""
    found: dict[str, Any] = workflow[True]
    return found


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in read(path)["jobs"].items():
            yield path.stem, name, job


JOBS = [pytest.param(job, id=f"{workflow}-{name}") for workflow, name, job in jobs()]


def steps(document: dict[Any, Any]) -> list[dict[str, Any]]:
    if "runs" in document:
        return list(document["runs"]["steps"])
    return [step for job in document["jobs"].values() for step in job["steps"]]


def test_the_workflows_are_found() -> None:
    assert {path.stem for path in WORKFLOWS} == {"apply", "ci", "deploy", "plan"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_actions_of_others_are_pinned_to_a_commit(path: Path) -> None:
    used = [step["uses"] for step in steps(read(path)) if "uses" in step]
    assert used
    assert [use for use in used if not use.startswith("./") and not PINNED.fullmatch(use)] == []
    lines = [line for line in path.read_text().splitlines() if "uses:" in line and "@" in line]
    assert [line for line in lines if not COMMENTED.match(line)] == []


def test_one_commit_for_each_action() -> None:
    uses = {step["uses"] for path in FILES for step in steps(read(path)) if "@" in step.get("uses", "")}
    assert len(uses) == len({use.split("@")[0] for use in uses})


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_do_nothing_by_default_and_ends_no_deployment(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    assert "pull_request_target" not in triggers(workflow)
    assert "workflow_run" not in triggers(workflow)
    if path.stem in ("apply", "deploy"):
        groups = [workflow, *workflow["jobs"].values()]
        (concurrency,) = (group["concurrency"] for group in groups if "concurrency" in group)
        assert concurrency["group"].startswith("stack-")
        assert concurrency["cancel-in-progress"] is False


@pytest.mark.parametrize("job", JOBS)
def test_a_job_ends_and_keeps_no_token_on_the_disk(job: dict[str, Any]) -> None:
    assert 0 < job["timeout-minutes"] <= 180
    checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("job", JOBS)
def test_only_what_runs_no_code_of_a_pull_request_writes_a_comment(job: dict[str, Any]) -> None:
    permissions = job.get("permissions", {})
    if permissions.get("pull-requests") != "write":
        return
    assert permissions == {"pull-requests": "write"}
    uses = [step.get("uses", "").split("@")[0] for step in job["steps"]]
    assert uses == ["actions/download-artifact", ""]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_key_is_kept_and_no_input_is_written_into_a_script(path: Path) -> None:
    assert not re.search(r"\bsecrets\.|AWS_SECRET_ACCESS_KEY|aws-secret-access-key", path.read_text())
    assert [step["run"] for step in steps(read(path)) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("job", JOBS)
def test_credentials_come_from_a_token_and_changes_wait_for_an_approval(job: dict[str, Any]) -> None:
    logins = [step for step in job["steps"] if step.get("uses", "").startswith("aws-actions/")]
    assert bool(logins) == (job.get("permissions", {}).get("id-token") == "write")
    for step in logins:
        assert set(step["with"]) <= {
            "aws-region",
            "role-duration-seconds",
            "role-session-name",
            "role-to-assume",
        }
        reads = step["with"]["role-to-assume"] == "${{ matrix.role }}"
        assert reads or "environment" in job
