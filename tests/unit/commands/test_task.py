"""The common behaviour of tasks: JSON alone on stdout, one-line errors, exit codes, no calls of AWS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kennel.__main__ import main

ROOT = Path(__file__).resolve().parents[3]


def invoke(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "KENNEL_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "kennel", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**environment, **variables},
    )


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what a command prints on standard output, run in this process: starting one costs a second."""
    with pytest.raises(SystemExit) as ended:
        main(["kennel", *arguments])
    assert not ended.value.code
    return capsys.readouterr().out


def test_every_task_has_help_json_and_verbose(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = json.loads(invoke("--list", "--list-format=json").stdout)
    tasks = [task["name"] for task in listed["tasks"]]
    tasks += [f"{group['name']}.{task['name']}" for group in listed["collections"] for task in group["tasks"]]

    assert {"rehearse", "train", "local.up", "stack.apply", "audit.code"} <= set(tasks)
    monkeypatch.setenv("KENNEL_ENV", "nowhere")  # help needs no environment
    for task in tasks:
        text = printed(capsys, "--help", task)
        assert "--json" in text, task
        assert "--verbose" in text, task
        usage, docstring = text.split("\n\n")[:2]
        assert usage.startswith(f"Usage: ./kennel {task.removesuffix('.cost')}")  # a group's own task
        assert docstring.endswith("."), f"{task} has no help"


def test_stdout_contains_only_json(tmp_path: Path) -> None:
    run = invoke("data.sample", "--directory", str(tmp_path / "photos"), "--classes", "2", "--json")

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["classes"] == 2
    assert "photos" in run.stderr


def test_an_error_is_one_line_and_an_exit_code(tmp_path: Path) -> None:
    (tmp_path / "valid").mkdir()

    run = invoke("data.check", str(tmp_path))

    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1
    assert run.stderr.startswith("error ")
    assert "train" in run.stderr


def test_verbose_adds_the_traceback(tmp_path: Path) -> None:
    run = invoke("data.check", str(tmp_path), "--verbose")

    assert run.returncode == 1
    assert "Traceback" in run.stderr


@pytest.mark.parametrize("task", [["stack.plan"], ["train"], ["predict", "https://example.org/dog.jpg"]])
def test_without_a_local_cloud_aws_is_not_called(task: list[str], tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; import kennel.commands.task as task\n"
        f"task.LOCAL_CLOUD = Path({str(tmp_path)!r})\n"
        "from invoke import Collection, Program; import tasks\n"
        "Program(namespace=tasks.namespace, version='0').run(['kennel', *sys.argv[1:]])"
    )
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "KENNEL_"))
    }
    run = subprocess.run(
        [sys.executable, "-c", code, *task],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "PYTHONPATH": f"{os.environ['PYTHONPATH']}{os.pathsep}{ROOT}"},
    )

    assert run.returncode == 1
    assert "the local cloud is not running: run ./kennel local.up" in run.stderr


def test_an_unknown_environment_is_refused() -> None:
    run = invoke("stack.plan", "--env", "production")

    assert run.returncode == 2
    assert "use one of local, dev, prod" in run.stderr


def test_an_aws_environment_is_refused_with_a_local_clouds_variables() -> None:
    run = invoke("stack.destroy", "--env", "prod", AWS_ENDPOINT_URL="http://127.0.0.1:9")

    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1
    assert "first run unset AWS_ENDPOINT_URL" in run.stderr


def test_a_leading_argument_may_be_given_without_its_name_or_omitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("kennel.commands.task._workspace", lambda environment: None)
    monkeypatch.setattr("kennel.commands.acts_on.announce", lambda environment: None)

    def error(*arguments: str) -> str:
        with pytest.raises(SystemExit):
            main(["kennel", "data.upload", *arguments])
        return capsys.readouterr().err

    assert "nothing to upload" in error()
    assert "no such folder" in error("--directory", str(tmp_path / "no"))
    assert error("--directory", str(tmp_path / "no")) == error(str(tmp_path / "no"))


def test_an_interruption_is_one_line_and_130(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from kennel.classifier.data import checking\n"
        "from kennel.__main__ import main\n"
        "checking.check = lambda *_: os.kill(os.getpid(), signal.SIGINT)\n"
        "main(['kennel', 'data.check', sys.argv[1]])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        # a shell's background job, which this may be, ignores it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )

    assert run.returncode == 130
    assert run.stderr == "error interrupted\n"
