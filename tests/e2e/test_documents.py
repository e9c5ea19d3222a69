"""Every command of the documents, as a person types it, in a checkout whose path is not plain ASCII."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kennel.aws import session
from kennel.aws.infrastructure import shell
from kennel.checks import documents
from kennel.checks.documents import Command
from kennel.localcloud import lifecycle
from kennel.sample_photos.draw import draw, photo

pytestmark = [pytest.mark.slow, pytest.mark.cloud]

ROOT = Path(__file__).resolve().parents[2]

# Commands that another test runs, and where: the text that the test must contain.
ELSEWHERE = {
    "./kennel rehearse": ("tests/e2e/test_rehearsal.py", '"rehearse"'),
    "./kennel test": (".ci/run", "./kennel test"),
    "./kennel notebook.run": ("tests/e2e/test_notebook.py", "notebook.execute"),
    "./kennel tune": ("tests/e2e/test_learning.py", "tuning.tune"),
    "./kennel train --best-of": ("tests/e2e/test_learning.py", "best_of="),
    "./kennel train --spot": ("tests/e2e/test_learning.py", "spot=True"),
    "./kennel train --instances": ("tests/e2e/test_learning.py", "instances=HOSTS"),
    "./kennel compare": ("tests/unit/commands/test_jobs.py", "compare"),
    "./kennel ec2.train": ("tests/e2e/test_training_host.py", "hosts.train"),
    "./kennel playground": ("tests/unit/commands/test_playground.py", "playground"),
    "./kennel stack.destroy": ("tests/e2e/test_rehearsal.py", '"destroyed"'),
    "./kennel bench.serving": ("tests/integration/benchmarks/test_serving_bench.py", '"serving"'),
    "./kennel bench.training": ("tests/integration/benchmarks/test_training_bench.py", "training.py"),
    "./kennel audit.access": ("tests/e2e/test_rehearsal.py", '"audit.access"'),
    "./kennel audit.code": ("tests/integration/audit/test_code.py", "audit_code"),
    "python ec2/train.py --data build": (
        "tests/integration/ec2/test_train.py",
        "a_local_folder_needs_no_aws",
    ),
    "python ec2/train.py --data s3://": ("tests/e2e/test_training_host.py", "hosts.train"),
}
# Commands of other programs that are installed by hand.
NOT_OURS = ("pip install", "pre-commit install", "git clone", "-m pip install", "cd ")
# What a command is given beside its text, so that it takes seconds.
SHORTER = {
    "./kennel data.sample": "--classes 3 --train 2",
    "./kennel train": "--epochs 1",
    "./kennel local.up": "--port 0",
}


def _commands() -> list[Command]:
    """Return the commands of the README, then those of the other documents."""
    commands = [command for command in documents.commands(ROOT) if not command.on_aws]
    return sorted(commands, key=lambda command: command.document != "README.md")


def _title(command: Command) -> str:
    return f"{command.document}:{command.line}: {command.text.partition('#')[0].strip()[:50]}"


def _elsewhere(command: Command) -> tuple[str, str] | None:
    matches = [where for start, where in ELSEWHERE.items() if command.text.startswith(start)]
    return matches[0] if matches else None


def _run_here(command: Command) -> bool:
    ours = command.document != "CONTRIBUTING.md" and not any(text in command.text for text in NOT_OURS)
    return ours and _elsewhere(command) is None


@dataclass
class Checkout:
    """A copy of the checkout, and the environments of its commands."""

    root: Path
    stack: dict[str, str]

    def run(self, command: Command) -> subprocess.CompletedProcess[str]:
        text = command.text.partition(" #")[0]
        if "JOB" in text:
            text = text.replace("JOB", _newest_job())
        for start, options in SHORTER.items():
            if text.startswith(start):
                text = " ".join([start, options, text.removeprefix(start)])
        # Tasks of the local cloud itself start one in this checkout, the others act on the stack under test.
        environment = {} if " local." in text else self.stack
        return subprocess.run(
            ["bash", "-euc", text],
            cwd=self.root,
            env={**_plain_environment(), **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


def _newest_job() -> str:
    """Return the training of README.md's commands, which come first."""
    newest = session.client("sagemaker").list_training_jobs(SortBy="CreationTime", SortOrder="Descending")
    return str(newest["TrainingJobSummaries"][0]["TrainingJobName"])


def _plain_environment() -> dict[str, str]:
    dropped = ("AWS_", "KENNEL_ENV", "KENNEL_WORKSPACE", "TF_VAR_", "TF_DATA", "TF_CLI_ARGS", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**kept, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def checkout(deployed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    root = tmp_path_factory.mktemp("documents") / "a chéckout"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    # The launcher would make an environment for this copy; it has tests of its own.
    launcher = root / "kennel"
    launcher.unlink()
    python = shlex.quote(sys.executable)
    launcher.write_text(f'#!/bin/bash\nPYTHONPATH="$(dirname "$0")/src" exec {python} -P -m kennel "$@"\n')
    launcher.chmod(0o755)
    photo(breed=95, number=99).save(root / "lab.jpg")
    draw(root / "drawn", classes=3, per_class={"train": 6, "valid": 1, "test": 1}, size=96, workers=1)
    for folder in sorted((root / "drawn" / "train").iterdir()):
        shutil.move(folder, root / "photos" / folder.name.partition(".")[2])
    status = lifecycle.status(deployed.workspace.build.parent / "cloud")
    variables = shell.variables(lifecycle.environment(status), deployed.workspace)
    yield Checkout(root, variables)
    lifecycle.down(root / "build" / "localcloud")


@pytest.mark.parametrize("command", [c for c in _commands() if _run_here(c)], ids=_title)
def test_a_documents_command_succeeds(checkout: Checkout, command: Command) -> None:
    done = checkout.run(command)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [c for c in _commands() if _elsewhere(c)], ids=_title)
def test_another_test_runs_it(command: Command) -> None:
    where = _elsewhere(command)
    assert where is not None
    path, text = where
    assert text in (ROOT / path).read_text()
