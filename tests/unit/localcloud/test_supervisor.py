"""Supervisors: no process outlives its owner, and what a child's end is reported as is what happened."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kennel.localcloud.runtime.supervisor import ProcessStartError, SupervisedProcess, Supervisors

SOURCE = Path(__file__).parents[3] / "src"
ENVIRONMENT = {"PATH": os.environ["PATH"]}

# A child that starts three descendants: one in its session, one in a session of its own, and an orphan.
FAMILY = """
import os, subprocess, sys, time
from pathlib import Path
pids = [os.getpid()]
pids.append(subprocess.Popen(["sleep", "300"]).pid)
pids.append(subprocess.Popen(["sleep", "300"], start_new_session=True).pid)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        Path("orphan").write_text(str(os.getpid()))
        time.sleep(300)
    os._exit(0)
os.wait()
while not Path("orphan").exists() or not Path("orphan").read_text():
    time.sleep(0.01)
pids.append(int(Path("orphan").read_text()))
Path("pids.part").write_text(" ".join(map(str, pids)))
Path("pids.part").rename("pids")
"""


def eventually(condition: Callable[[], bool], seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def family(folder: Path) -> list[int]:
    assert eventually((folder / "pids").exists)
    return [int(pid) for pid in (folder / "pids").read_text().split()]


@pytest.fixture
def supervisors() -> Iterator[Supervisors]:
    supervisors = Supervisors()
    yield supervisors
    supervisors.stop_all()


def python(
    supervisors: Supervisors, folder: Path, code: str, stdout: int = subprocess.DEVNULL
) -> SupervisedProcess:
    return supervisors.start([sys.executable, "-c", code], cwd=folder, env=ENVIRONMENT, stdout=stdout)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("pass", 0),
        ("raise SystemExit(3)", 3),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("import os; os.abort()", -signal.SIGABRT),
    ],
)
def test_the_exit_status_is_the_childs_own(
    supervisors: Supervisors, tmp_path: Path, code: str, status: int
) -> None:
    assert python(supervisors, tmp_path, code).wait(20) == status


def test_the_output_arrives_whole_and_ends(supervisors: Supervisors, tmp_path: Path) -> None:
    code = "import sys; print('x' * 100_000, flush=True); print('to stderr', file=sys.stderr)"
    process = python(supervisors, tmp_path, code, subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.read().decode() == "x" * 100_000 + "\nto stderr\n"


def test_the_child_has_the_given_environment_and_folder_only(
    supervisors: Supervisors, tmp_path: Path
) -> None:
    code = "import os; print(sorted(os.environ), os.getcwd())"
    process = supervisors.start(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"ONLY": "this", "LC_CTYPE": "C.UTF-8"},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.read().decode() == f"['LC_CTYPE', 'ONLY'] {tmp_path}\n"


def test_a_command_that_is_not_there_is_named(supervisors: Supervisors, tmp_path: Path) -> None:
    with pytest.raises(ProcessStartError, match="no-such-program did not start: No such file"):
        supervisors.start(["no-such-program"], cwd=tmp_path, env=ENVIRONMENT)


def test_a_failed_start_closes_no_descriptor_of_others(supervisors: Supervisors, tmp_path: Path) -> None:
    with pytest.raises(ProcessStartError) as failure:
        supervisors.start(["no-such-program"], cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE)
    others = [os.open(os.devnull, os.O_RDONLY) for _ in range(16)]  # they take the numbers that are free
    del failure  # and what its frames hold
    gc.collect()
    for descriptor in others:
        os.fstat(descriptor)
        os.close(descriptor)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to the supervisor")
@pytest.mark.parametrize("ending", ["the child ends", "kill", "stop_all"])
def test_no_descendant_is_left(supervisors: Supervisors, tmp_path: Path, ending: str) -> None:
    linger = "" if ending == "the child ends" else "time.sleep(300)"
    process = python(supervisors, tmp_path, FAMILY + linger)
    pids = family(tmp_path)
    if ending == "kill":
        process.kill()
    elif ending == "stop_all":
        supervisors.stop_all()
    assert process.wait(20) == (0 if ending == "the child ends" else -signal.SIGKILL)
    assert [pid for pid in pids if runs(pid)] == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to the supervisor")
def test_kill_9_of_the_owner_leaves_no_descendant(tmp_path: Path) -> None:
    (tmp_path / "family.py").write_text(FAMILY + "time.sleep(300)")
    owner_code = (
        "import sys, time; from kennel.localcloud.runtime.supervisor import Supervisors;"
        "supervisors = Supervisors();"
        "supervisors.start([sys.executable, 'family.py'], cwd='.', env={});"
        # A second child must not hold the first supervisor's pipe open when the owner dies.
        "supervisors.start(['/bin/sleep', '300'], cwd='.', env={}); time.sleep(300)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", owner_code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(SOURCE)}
    )
    try:
        pids = family(tmp_path)
        assert all(runs(pid) for pid in pids)
    finally:
        owner.kill()
        owner.wait()
    assert eventually(lambda: not any(runs(pid) for pid in pids))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
def test_a_killed_supervisor_takes_its_child_along(supervisors: Supervisors, tmp_path: Path) -> None:
    process = python(supervisors, tmp_path, "import time; time.sleep(300)")
    parent = int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(parent, signal.SIGKILL)
    assert process.wait(20) == -signal.SIGKILL
    assert eventually(lambda: not runs(process.pid))


def test_terminate_lets_the_child_finish(supervisors: Supervisors, tmp_path: Path) -> None:
    code = (
        "import signal, sys, time; from pathlib import Path\n"
        "signal.signal(signal.SIGTERM, lambda *_: (Path('saved').write_text('yes'), sys.exit(7)))\n"
        "Path('ready').touch(); time.sleep(300)"
    )
    process = python(supervisors, tmp_path, code)
    assert eventually((tmp_path / "ready").exists)
    assert process.poll() is None
    process.terminate(grace=60)
    assert process.wait(20) == 7
    assert (tmp_path / "saved").read_text() == "yes"


def test_terminate_kills_what_ignores_it_after_the_grace(supervisors: Supervisors, tmp_path: Path) -> None:
    code = (
        "import signal, time; from pathlib import Path\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); Path('ready').touch(); time.sleep(300)"
    )
    process = python(supervisors, tmp_path, code)
    assert eventually((tmp_path / "ready").exists)
    started = time.monotonic()
    process.terminate(grace=0.3)
    assert process.wait(20) == -signal.SIGKILL
    assert time.monotonic() - started >= 0.3


def test_a_shell_does_not_hide_the_signal_from_its_script(supervisors: Supervisors, tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(
        "import signal, sys, time; from pathlib import Path\n"
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.2), Path('saved').touch(), sys.exit(0)))\n"
        "Path('ready').touch(); time.sleep(300)"
    )
    process = supervisors.start(
        ["bash", "-c", f"{sys.executable} work.py; exit 5"], cwd=tmp_path, env=ENVIRONMENT
    )
    assert eventually((tmp_path / "ready").exists)
    process.terminate(grace=60)
    process.wait(20)
    assert (tmp_path / "saved").exists()


def test_nothing_starts_after_the_shutdown(supervisors: Supervisors, tmp_path: Path) -> None:
    supervisors.stop_all()
    with pytest.raises(ProcessStartError, match="shutting down"):
        python(supervisors, tmp_path, "pass")


def test_signals_are_not_ignored_in_the_child(supervisors: Supervisors, tmp_path: Path) -> None:
    code = "import signal as s; print([s.getsignal(n) == s.SIG_IGN for n in (s.SIGINT, s.SIGHUP)])"
    process = python(supervisors, tmp_path, code, subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.read().decode() == "[False, False]\n"
