"""How the launcher makes, trusts, resumes and renews the Python environments."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from typing import Any

import pytest


def test_the_first_start_makes_the_environment_and_runs_the_task(checkout: Any) -> None:
    done = checkout.start("data.check", "--data", "a b")
    assert done.returncode == 0, done.stderr
    assert "arguments: data.check --data a b\n" in done.stdout
    assert "making .venv" in done.stderr
    assert len(checkout.installs()) == 1


def test_only_the_task_writes_to_stdout(checkout: Any) -> None:
    first, second = checkout.start("data.check", "--json"), checkout.start("data.check", "--json")
    assert first.stdout == second.stdout
    assert second.stderr == ""


def test_a_second_start_neither_starts_a_python_nor_installs(checkout: Any) -> None:
    checkout.start("data.check")
    before = len(checkout.calls)
    checkout.start("data.check")
    [call] = checkout.calls[before:]
    assert call.endswith("/.venv/bin/python -P -m kennel data.check")


def test_the_task_runs_where_the_person_stands(checkout: Any, tmp_path: Any) -> None:
    done = checkout.start("data.check", cwd=tmp_path)
    assert f"here: {tmp_path}\n" in done.stdout
    assert f"path: {checkout.root}/src:{checkout.root}/src/kennel/localcloud/sdk\n" in done.stdout


def test_a_task_keeps_its_bytecode(checkout: Any) -> None:
    assert "bytecode: kept\n" in checkout.start("data.check", PYTHONDONTWRITEBYTECODE="1").stdout


def test_it_runs_through_a_symbolic_link(checkout: Any, tmp_path: Any) -> None:
    (tmp_path / "link").symlink_to(checkout.root / "kennel")
    done = subprocess.run(
        [str(tmp_path / "link"), "data.check"],
        env=checkout.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"path: {checkout.root}/src:{checkout.root}/src/kennel/localcloud/sdk\n" in done.stdout


def test_changed_requirements_are_installed_into_the_same_environment(checkout: Any) -> None:
    checkout.start("data.check")
    (checkout.root / "requirements.txt").write_text("something==2 --hash=sha256:88\n")
    done = checkout.start("data.check")
    assert "bringing .venv up to date" in done.stderr
    assert len(checkout.installs()) == 2
    assert checkout.start("data.check").stderr == ""


def test_another_python_rebuilds_the_environment(checkout: Any) -> None:
    checkout.start("data.check")
    done = checkout.start("data.check", KENNEL_PYTHON="python3.11", FAKE_PYTHON_VERSION="3.12.4")
    assert "making .venv with Python 3.12.4" in done.stderr


def test_a_moved_checkout_rebuilds_what_names_its_old_path(checkout: Any) -> None:
    checkout.start("data.check")
    checkout.root = checkout.root.rename(checkout.root.with_name("moved"))
    assert "making .venv" in checkout.start("data.check").stderr


@pytest.mark.parametrize("task", ["audit.account", "audit.code"])
def test_the_audit_environment_is_made_only_when_it_is_needed(checkout: Any, task: str) -> None:
    checkout.start("data.check")
    assert not (checkout.root / ".venv-audit").exists()
    checkout.start(task)
    assert (checkout.root / ".venv-audit/.kennel-stamp").exists()


def test_a_failed_installation_is_not_trusted_and_is_taken_up_again(checkout: Any) -> None:
    failed = checkout.start("data.check", FAKE_UV_FAILS="there is no version of something==1")
    assert failed.returncode == 1
    assert "there is no version of something==1" in failed.stderr
    assert "run the same command again" in failed.stderr
    assert failed.stdout == ""
    again = checkout.start("data.check")
    assert again.returncode == 0
    assert "bringing .venv up to date" in again.stderr


def test_a_half_installed_package_is_installed_anew(checkout: Any) -> None:
    checkout.start("data.check", FAKE_UV_FAILS="cut off")
    packages = checkout.root / ".venv/lib/python3.11/site-packages"
    records = {
        "without_record-1": None,
        "as_in_the_wheel-1": "module.py,,\n",
        "complete-1": "module.py,,\ncomplete-1.dist-info/INSTALLER,,\n",
    }
    for name, record in records.items():
        (packages / f"{name}.dist-info").mkdir()
        if record:
            (packages / f"{name}.dist-info/RECORD").write_text(record)
    checkout.start("data.check")
    assert [path.name for path in packages.iterdir()] == ["complete-1.dist-info"]


def test_an_environment_without_a_working_python_is_made_anew(checkout: Any) -> None:
    checkout.start("data.check", FAKE_UV_FAILS="cut off")
    (checkout.root / ".venv/bin/python").write_text("#!/bin/sh\nexit 1\n")
    done = checkout.start("data.check")
    assert done.returncode == 0
    assert "making .venv" in done.stderr


def test_a_complete_environment_whose_python_is_gone_is_made_anew(checkout: Any) -> None:
    checkout.start("data.check")
    (checkout.root / ".venv/bin/python").unlink()
    done = checkout.start("data.check")
    assert done.returncode == 0, done.stderr
    assert "making .venv" in done.stderr


def test_a_set_up_that_does_not_last_is_not_repeated_for_ever(checkout: Any) -> None:
    working = (checkout.programs / "uv").read_text()
    checkout.program("uv", working.replace('cp "$FAKE_INTERPRETER"', "touch"))
    done = checkout.start("data.check")
    assert done.returncode == 2
    assert "the set-up does not last" in done.stderr.splitlines()[-1]


def test_no_variable_of_the_set_up_reaches_the_task(checkout: Any) -> None:
    assert "marks: none\n" in checkout.start("data.check").stdout


def test_an_environment_of_another_origin_is_made_anew(checkout: Any) -> None:
    (checkout.root / ".venv/bin").mkdir(parents=True)
    shutil.copy2(checkout.root / "interpreter", checkout.root / ".venv/bin/python")
    done = checkout.start("data.check")
    assert done.returncode == 0
    assert "making .venv" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_ends_the_installer_and_leaves_a_resumable_state(
    checkout: Any, number: signal.Signals, code: int
) -> None:
    process, installer = checkout.begin_and_hang_in_uv("data.check")
    process.send_signal(number)
    _, errors = process.communicate(timeout=10)
    with pytest.raises(ProcessLookupError):
        os.kill(installer, 0)
    assert process.returncode == code
    assert "the same command continues it" in errors
    assert checkout.start("data.check").returncode == 0


def test_a_killed_start_is_continued_by_the_next_one(checkout: Any) -> None:
    process, installer = checkout.begin_and_hang_in_uv("data.check")
    process.kill()
    process.communicate()
    waiting = checkout.begin("data.check")
    assert waiting.stderr is not None
    assert "waiting for it" in waiting.stderr.readline()  # the orphaned installer still holds the lock
    os.kill(installer, signal.SIGTERM)
    output, errors = waiting.communicate(timeout=20)
    assert waiting.returncode == 0, errors
    assert "arguments: data.check" in output


def test_two_first_starts_install_once(checkout: Any) -> None:
    starts = [checkout.begin("data.check") for _ in range(2)]
    errors = [start.communicate(timeout=30)[1] for start in starts]
    assert [start.returncode for start in starts] == [0, 0], errors
    assert len(checkout.installs()) == 1


def test_a_launcher_that_is_not_executable_starts_again_with_bash(checkout: Any) -> None:
    launcher = checkout.root / "kennel"
    launcher.chmod(0o644)  # as in an unpacked download
    done = subprocess.run(
        ["bash", launcher, "data.check"],
        env=checkout.environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "arguments: data.check" in done.stdout


def test_no_python_is_a_line_with_its_remedy(checkout: Any) -> None:
    (checkout.programs / "python3.11").unlink()
    done = checkout.start("data.check")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Python 3.11 or newer is not on PATH" in done.stderr
    assert "KENNEL_PYTHON" in done.stderr


def test_a_python_that_is_too_old_is_named(checkout: Any) -> None:
    (checkout.programs / "python3.11").rename(checkout.programs / "python3")
    done = checkout.start("data.check", FAKE_PYTHON_VERSION="3.9.18")
    assert done.returncode == 2
    assert "python3 is 3.9.18" in done.stderr


def test_a_shim_without_a_python_behind_it_is_passed_over(checkout: Any) -> None:
    (checkout.programs / "python3.11").rename(checkout.programs / "python3")
    checkout.program("python3.11", "#!/bin/sh\necho 'python3.11: command not found' >&2\nexit 127\n")
    assert checkout.start("data.check").returncode == 0


def test_kennel_python_must_be_a_program(checkout: Any) -> None:
    done = checkout.start("data.check", KENNEL_PYTHON="/no/such/python")
    assert done.returncode == 2
    assert "KENNEL_PYTHON names '/no/such/python'" in done.stderr


def test_what_uv_cannot_make_is_a_line(checkout: Any) -> None:
    done = checkout.start("data.check", FAKE_UV_VENV_FAILS="Permission denied")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("kennel: uv cannot make .venv with ")
    assert "Permission denied" in done.stderr


def test_missing_requirements_are_named(checkout: Any) -> None:
    (checkout.root / "requirements.txt").unlink()
    done = checkout.start("data.check")
    assert done.returncode == 1
    assert "git checkout -- requirements.txt" in done.stderr


def test_the_task_gets_its_exit_code_through(checkout: Any) -> None:
    checkout.start("data.check")
    interpreter = checkout.root / ".venv/bin/python"
    interpreter.write_text("#!/bin/sh\nexit 7\n")
    assert checkout.start("data.check").returncode == 7


def test_a_checkout_that_cannot_be_written_is_a_line_with_its_remedy(checkout: Any) -> None:
    if os.geteuid() == 0:  # whom no mode keeps from writing: a kernel's file system does
        (checkout.root / ".tools").symlink_to("/sys")
    else:
        checkout.root.chmod(0o555)
    done = checkout.start("data.check")
    checkout.root.chmod(0o755)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith(f"kennel: cannot write to {checkout.root}; make the checkout yours (sudo chown ")
