"""The scripts that prepare the notebook and the training host, rendered and executed."""

from __future__ import annotations

import base64
import contextlib
import datetime
import io
import json
import os
import re
import shlex
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.terraform.conftest import ROOT, TERRAFORM

SCRIPTS = TERRAFORM / "modules" / "notebook" / "scripts"
VARIABLES: dict[str, Any] = {
    "artifact_bucket": "kennel-local-artifacts-123456789012",
    "environment": {"KENNEL_ENDPOINT": "kennel-local-classifier"},
    "idle_minutes": 60,
    "region": "us-east-1",
}


@pytest.fixture(scope="module")
def on_start(render: Callable[..., str]) -> str:
    return render(SCRIPTS / "on_start.sh.tftpl", notebook="kennel-local-notebook", **VARIABLES)


@pytest.fixture(scope="module")
def user_data(render: Callable[..., str]) -> str:
    return render(ROOT / "ec2" / "user_data.sh.tftpl", **VARIABLES)


def embedded(script: str, mark: str) -> str:
    """Return the file that a script writes with ``<<'MARK'``."""
    match = re.search(rf"<<'{mark}'\n(.*?)^{mark}$", script, re.M | re.S)
    assert match is not None
    return match[1]


@pytest.mark.parametrize("name", ["on_create", "on_start", "user_data"])
def test_scripts_are_valid_bash_within_awss_limits(name: str, request: pytest.FixtureRequest) -> None:
    script = (SCRIPTS / "on_create.sh").read_text() if name == "on_create" else request.getfixturevalue(name)
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    for mark in re.findall(r"<<'(SETUP|FETCH)'", script) + (["IDLE"] if name == "user_data" else []):
        subprocess.run(["bash", "-n"], input=embedded(script, mark), text=True, check=True)
    assert len(base64.b64encode(script.encode())) <= 16384


@pytest.mark.parametrize("name", ["on_create", "on_start"])
def test_the_notebook_s_scripts_need_nothing_that_one_amazon_linux_lacks(
    name: str, request: pytest.FixtureRequest
) -> None:
    script = (SCRIPTS / "on_create.sh").read_text() if name == "on_create" else request.getfixturevalue(name)
    code = re.sub(r"^#.*$", "", script, flags=re.M)
    assert not re.search(r"(?<![-.\w])(initctl|service|chkconfig|cron|crontab|python2|yum|dnf)\b", code)


def test_the_notebook_sets_itself_up_and_looks_for_work_every_five_minutes(
    on_start: str, tmp_path: Path
) -> None:
    programs = tmp_path / "usr/local/bin"
    for folder in ("usr/local/bin", "etc/profile.d", "etc/systemd/system", "var/log"):
        (tmp_path / folder).mkdir(parents=True)
    # Stand-ins for what needs root and a running systemd.
    for program, body in {"systemctl": f'echo "$@" >> {tmp_path}/calls', "install": "true"}.items():
        (programs / program).write_text(f"#!/bin/bash\n{body}\n")
        (programs / program).chmod(0o755)
    script = re.sub(r"(?<![\w/])/(etc|usr/local/bin|var/log)\b", rf"{tmp_path}/\1", on_start)
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run(["bash"], input=script, text=True, env=path, check=True)
    assert (tmp_path / "calls").read_text().splitlines() == [
        "daemon-reload",
        "start --no-block kennel-setup.service",
        "start kennel-idle.timer",
    ]
    units = tmp_path / "etc/systemd/system"
    assert "OnCalendar=*:0/5" in (units / "kennel-idle.timer").read_text()
    for name in ("kennel-setup", "kennel-idle"):
        (programs / name).write_text("#!/bin/bash\necho ran\n")
        [command] = re.findall(r"^ExecStart=(.+)$", (units / f"{name}.service").read_text(), re.M)
        subprocess.run(shlex.split(command), env=path, check=True)
        assert (tmp_path / "var/log" / f"{name}.log").read_text() == "ran\n"


@pytest.mark.parametrize("name", ["on_start", "user_data"])
def test_every_shell_has_the_stacks_variables(name: str, request: pytest.FixtureRequest) -> None:
    profile = embedded(request.getfixturevalue(name), "PROFILE")
    shell = subprocess.run(
        ["bash", "-c", profile + 'echo "$AWS_DEFAULT_REGION $KENNEL_ENDPOINT"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shell.stdout == "us-east-1 kennel-local-classifier\n"


@pytest.mark.parametrize("packed", [True, False], ids=["a packed environment", "a package index"])
def test_the_notebook_receives_code_environment_and_kernel(
    on_start: str, tmp_path: Path, packed: bool
) -> None:
    notebook, bucket, programs = tmp_path / "SageMaker", tmp_path / "bucket", tmp_path / "bin"
    for folder in (notebook / "kennel", bucket, programs, tmp_path / "packed" / "bin"):
        folder.mkdir(parents=True)
    profile = tmp_path / "profile.sh"
    profile.write_text(embedded(on_start, "PROFILE"))

    def program(path: Path, body: str) -> None:
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)

    # Stand-ins for AWS's command line, and for the Python that registers a kernel.
    program(
        programs / "aws",
        f'if [ "$2" = cp ]; then cp "{bucket}/${{4##*/}}" "$5"; '
        f'else [ -e "{bucket}/${{6##*/}}" ] && echo etag-1; fi',
    )
    program(programs / "sleep", f'mv "{bucket}/late.tar.gz" "{bucket}/kennel.tar.gz"')
    record_arguments = f'printf "%s\\n" "$@" > "{tmp_path}/kernel"'
    program(tmp_path / "packed" / "bin" / "python", record_arguments)
    launcher = f"mkdir -p .venv/bin; cp '{tmp_path}/packed/bin/python' .venv/bin/python"
    program(tmp_path / "kennel", launcher)
    pack = ["tar", "--create", "--gzip", "--directory"]
    subprocess.run([*pack, tmp_path, "--file", bucket / "late.tar.gz", "kennel"], check=True)
    if packed:
        content = tmp_path / "packed"
        subprocess.run([*pack, content, "--file", bucket / "environment.tar.gz", "bin"], check=True)
    script = embedded(on_start, "SETUP")
    script = script.replace("/home/ec2-user/SageMaker", str(notebook))
    script = script.replace("/etc/profile.d/kennel.sh", str(profile))
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}

    completed = subprocess.run(["bash"], input=script, text=True, env=path, capture_output=True, check=True)

    assert "no code in" in completed.stdout  # the first start precedes the first upload
    assert (notebook / "kennel" / "kennel").is_file()
    words = (tmp_path / "kernel").read_text().split("\n")
    assert words[:6] == ["-m", "ipykernel", "install", "--user", "--name", "kennel"]
    variables = {
        name: value for flag, name, value in zip(words, words[1:], words[2:], strict=False) if flag == "--env"
    }
    assert variables == {
        "PYTHONPATH": f"{notebook}/kennel/src",
        "AWS_DEFAULT_REGION": "us-east-1",
        "KENNEL_ENDPOINT": "kennel-local-classifier",
    }
    assert (notebook / "kennel" / ".venv").exists() != packed
    if packed:
        assert (notebook / "kennel-environment" / ".etag").read_text() == "etag-1\n"


def ago(minutes: int) -> str:
    moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=minutes)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.mark.parametrize(
    ("up_minutes", "state", "kernel_idle", "terminal_idle", "stops"),
    [
        pytest.param(300, "idle", 90, 90, True, id="idle"),
        pytest.param(300, "busy", 90, 90, False, id="a kernel computes"),
        pytest.param(300, "idle", 10, 90, False, id="a kernel was just used"),
        pytest.param(300, "idle", 90, 10, False, id="a terminal was just used"),
        pytest.param(30, "idle", 90, 90, False, id="just started"),
    ],
)
def test_the_notebook_stops_itself_only_when_idle(
    on_start: str,
    monkeypatch: pytest.MonkeyPatch,
    up_minutes: int,
    state: str,
    kernel_idle: int,
    terminal_idle: int,
    stops: bool,
) -> None:
    jupyter = {
        "sessions": [{"kernel": {"execution_state": state, "last_activity": ago(kernel_idle)}}],
        "terminals": [{"name": "1", "last_activity": ago(terminal_idle)}],
    }
    calls: list[list[str]] = []

    def answer(url: str, **_: Any) -> io.BytesIO:
        return io.BytesIO(json.dumps(jupyter[url.rsplit("/", 1)[1]]).encode())

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    monkeypatch.setattr(subprocess, "run", lambda command, **_: calls.append(command))
    program = compile(embedded(on_start, "IDLE"), "kennel-idle", "exec")
    ends_early = pytest.raises(SystemExit) if not stops else contextlib.nullcontext()
    with ends_early:
        exec(program, {"open": lambda path: io.StringIO(f"{up_minutes * 60}.5 0.0\n")})
    assert bool(calls) == stops
    if stops:
        assert calls[0][:3] == ["aws", "sagemaker", "stop-notebook-instance"]
        assert calls[0][-1] == "kennel-local-notebook"


@pytest.mark.parametrize(
    ("busy_ago", "training", "shuts_down"),
    [
        pytest.param(None, False, False, id="just booted"),
        pytest.param(90, False, True, id="idle for longer than the limit"),
        pytest.param(30, False, False, id="idle for less"),
        pytest.param(90, True, False, id="training"),
    ],
)
def test_the_training_host_shuts_down_only_when_idle(
    user_data: str, tmp_path: Path, busy_ago: int | None, training: bool, shuts_down: bool
) -> None:
    stamp, programs = tmp_path / "busy", tmp_path / "bin"
    programs.mkdir()
    stand_ins = {"pgrep": f"exit {0 if training else 1}", "shutdown": f"touch {tmp_path}/down"}
    for program, body in stand_ins.items():
        (programs / program).write_text(f"#!/bin/bash\n{body}\n")
        (programs / program).chmod(0o755)
    script = embedded(user_data, "IDLE").replace("/run/kennel-busy", str(stamp))
    assert str(stamp) in script
    if busy_ago is not None:
        stamp.touch()
        moment = datetime.datetime.now(datetime.UTC).timestamp() - busy_ago * 60
        os.utime(stamp, (moment, moment))
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run(["bash"], input=script, text=True, env=path, check=True)
    assert (tmp_path / "down").exists() == shuts_down
    assert stamp.exists()
