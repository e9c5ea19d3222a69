"""No Terraform and no provider outlives the task that started it, and none loses its state to that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kennel.aws import StackError, session
from kennel.aws.infrastructure import operation_record
from kennel.aws.infrastructure.terraform import Terraform
from kennel.aws.infrastructure.terraform_process import TerraformProcess

# Stands for Terraform: has a provider, which ignores SIGINT as real ones do, and saves its state when it is
# interrupted. Before that it prints more than a pipe holds.
TERRAFORM = """
import os, signal, subprocess, sys, time
from pathlib import Path

ignore = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(600)"
provider = subprocess.Popen([sys.executable, "-c", ignore], stdout=subprocess.DEVNULL)
if "stubborn" in sys.argv:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
Path("pids").write_text(f"{os.getpid()} {provider.pid}")
try:
    print("started", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    for _ in range(2000):
        print("x" * 100, flush=True)
    Path("errored.tfstate" if "errored" in sys.argv else "saved").touch()
    sys.exit(1)
"""
TASK = """
import os, sys
from pathlib import Path
from kennel.aws.infrastructure import operation_record
from kennel.aws.infrastructure.terraform_process import TerraformProcess

with operation_record.recording(Path("data"), "apply") as record:
    process = TerraformProcess(
        sys.argv[1:], cwd=Path.cwd(), env=os.environ, data_directory=Path("data"), record=record
    )
for line in process.lines():
    print(line, flush=True)
"""


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that has ended stays until its parent has waited for it.
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(state.stdout.strip()) and not state.stdout.startswith("Z")


def pids(folder: Path) -> list[int]:
    return [int(pid) for pid in (folder / "pids").read_text().split()]


@pytest.fixture
def script(tmp_path: Path) -> list[str]:
    (tmp_path / "terraform.py").write_text(TERRAFORM)
    return [sys.executable, str(tmp_path / "terraform.py")]


@pytest.fixture
def process(tmp_path: Path, script: list[str]) -> Iterator[TerraformProcess]:
    process = TerraformProcess(script, cwd=tmp_path, env=os.environ, data_directory=tmp_path)
    assert next(process.lines()) == "started"
    yield process
    process.interrupt(0)
    process.wait()
    process.close()


def test_a_killed_task_ends_terraform_which_saves_its_state(tmp_path: Path, script: list[str]) -> None:
    task = subprocess.Popen(
        [sys.executable, "-c", TASK, *script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(session.ROOT / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert task.stdout is not None
    with task, task.stdout:
        assert task.stdout.readline() == "started\n"
        running = operation_record.read(tmp_path / "data")
        task.kill()
    assert running is not None

    until(lambda: not any(alive(pid) for pid in pids(tmp_path)))
    assert (tmp_path / "saved").exists()
    until(lambda: (ended := operation_record.read(tmp_path / "data")) is not None and not ended.running)
    assert (running.running, running.pid) == (True, pids(tmp_path)[0])


def test_a_killed_terraform_leaves_no_provider(tmp_path: Path, process: TerraformProcess) -> None:
    os.kill(process.pid, signal.SIGKILL)

    assert process.wait() == -signal.SIGKILL
    assert not any(alive(pid) for pid in pids(tmp_path))


def test_a_terraform_that_does_not_end_is_killed(tmp_path: Path, script: list[str]) -> None:
    process = TerraformProcess([*script, "stubborn"], cwd=tmp_path, env=os.environ, data_directory=tmp_path)
    assert next(process.lines()) == "started"

    process.interrupt(0.1)

    assert process.wait() == -signal.SIGKILL
    assert not any(alive(pid) for pid in pids(tmp_path))
    process.close()


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere the kernel tells no child of its parent's death"
)
def test_a_killed_supervisor_ends_terraform_which_saves_its_state(
    tmp_path: Path, process: TerraformProcess
) -> None:
    process._supervisor.kill()

    list(process.lines())
    assert process.wait() == -signal.SIGKILL
    until(lambda: not any(alive(pid) for pid in pids(tmp_path)))
    assert (tmp_path / "saved").exists()


def test_a_state_that_was_not_saved_is_kept_with_the_environment(tmp_path: Path, script: list[str]) -> None:
    data = tmp_path / "data"
    data.mkdir()
    process = TerraformProcess([*script, "errored"], cwd=tmp_path, env=os.environ, data_directory=data)
    assert next(process.lines()) == "started"

    process.interrupt()
    list(process.lines())

    assert process.wait() == 1
    assert not (tmp_path / "errored.tfstate").exists()
    assert (data / "errored.tfstate").exists()
    process.close()


def test_the_signal_that_ended_terraform_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "terraform"
    binary.write_text(f"#!{sys.executable}\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    binary.chmod(0o755)

    with pytest.raises(StackError, match="terraform apply: it was ended by SIGKILL, signal 9"):
        Terraform(tmp_path, tmp_path / "data", [], binary=str(binary)).apply()


def test_two_operations_of_one_folder_exclude_each_other(tmp_path: Path) -> None:
    with operation_record.recording(tmp_path / "terraform", "apply") as (file, record):
        file.write('{"command": "apply", "host": "laptop", "pid": 12, "started": 1.0}')
        file.flush()
        with (
            pytest.raises(StackError, match=r"apply \(process 12\) runs in"),
            operation_record.recording(tmp_path / "terraform", "plan"),
        ):
            pass
    assert record["command"] == "apply"
