"""The completion scripts, run by the shells that they are for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import tasks

from kennel.commands import command_line, completion

OPTIONS = {name: task.options for name, task in command_line.named(tasks.namespace).items()}


def completed_by_bash(script: Path, *words: str) -> list[str]:
    """Return what bash offers in place of the last word."""
    code = 'source "$0"; COMP_WORDS=(./kennel "$@"); COMP_CWORD=$#; _kennel; printf "%s\\n" "${COMPREPLY[@]}"'
    run = subprocess.run(
        ["bash", "--norc", "-c", code, str(script), *words], capture_output=True, text=True, check=True
    )
    assert not run.stderr
    return run.stdout.split()


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "completion"
    path.write_text(completion.script("bash", OPTIONS))
    return path


def test_bash_completes_tasks(script: Path) -> None:
    assert completed_by_bash(script, "stack.d") == ["stack.destroy", "stack.drift"]
    assert set(completed_by_bash(script, "")) == set(OPTIONS)


def test_bash_completes_the_options_of_the_task(script: Path) -> None:
    assert completed_by_bash(script, "train", "--inst") == ["--instances", "--instance-type"]
    assert completed_by_bash(script, "train", "--no-p") == ["--no-pretrained"]
    assert "--instances" not in completed_by_bash(script, "predict", "dog.jpg", "--")


def test_bash_completes_values_and_leaves_files_to_its_default(script: Path) -> None:
    assert completed_by_bash(script, "predict", "dog.jpg", "--via", "f") == ["function"]
    assert completed_by_bash(script, "stack.plan", "--env", "=", "") == ["local", "dev", "prod"]
    assert completed_by_bash(script, "completion", "") == ["bash", "zsh"]
    assert completed_by_bash(script, "predict", "dog") == []


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_completes_tasks_options_and_values(tmp_path: Path) -> None:
    (tmp_path / "completion").write_text(completion.script("zsh", OPTIONS))
    # Its parts that need a terminal are replaced by ones that print: what is offered, and that it is files.
    check = (
        'compdef() { :; }; source "$1"; '
        'compadd() { shift; print -r -- "$@"; }; _files() { print files; }; compset() { '
        '[[ $PREFIX == --*=* ]] && { IPREFIX="${PREFIX%%=*}="; PREFIX="${PREFIX#*=}"; }; }; '
        'words=(./kennel "${@[2,-1]}"); CURRENT=$#words; PREFIX="$words[-1]"; _kennel'
    )

    def offered(*words: str) -> list[str]:
        run = subprocess.run(
            ["zsh", "-f", "-c", check, "zsh", str(tmp_path / "completion"), *words],
            capture_output=True,
            text=True,
            check=True,
        )
        assert not run.stderr
        return run.stdout.split()

    assert set(offered("sta")) == set(OPTIONS)
    assert "--instance-type" in offered("train", "--inst")
    assert offered("predict", "dog.jpg", "--via=f") == ["function", "url", "endpoint", "model"]
    assert offered("predict", "dog.jpg") == ["files"]
