"""How the launcher makes, trusts, resumes and renews the Python environments."""

from __future__ import annotations

import os
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
    assert f"path: {checkout.root}/src\n" in done.stdout


def test_it_runs_through_a_symbolic_link(checkout: Any, tmp_path: Any) -> None:
    (tmp_path / "link").symlink_to(checkout.root / "kennel")
    done = subprocess.run(
        [str(tmp_path / "link"), "data.check"],
        env=checkout.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"path: {checkout.root}/src\n" in done.stdout


def test_changed_requirements_are_installed_into_the_same_environment(checkout: Any) -> None:
    checkout.start("data.check")
    (checkout.root / "requirements.txt").write_text("something==2\n")
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


def test_the_audit_environment_is_made_only_when_it_is_needed(checkout: Any) -> None:
    checkout.start("data.check")
    assert not (checkout.root / ".venv-audit").exists()
    checkout.start("audit.code")
    assert (checkout.root / ".venv-audit/.kennel-stamp").exists()


def test_asking_for_help_about_the_tests_needs_no_audit_environment(checkout: Any) -> None:
    assert checkout.start("test", "--help").returncode == 0
    assert not (checkout.root / ".venv-audit").exists()


def test_help_on_a_fresh_clone_makes_nothing(checkout: Any) -> None:
    done = checkout.start("--help")
    assert done.returncode == 0
    assert "./kennel rehearse" in done.stdout
    assert not (checkout.root / ".venv").exists()


def test_a_failed_installation_is_not_trusted_and_is_taken_up_again(checkout: Any) -> None:
    failed = checkout.start("data.check", FAKE_PIP_FAILS="No matching distribution found for something==1")
    assert failed.returncode == 1
    assert "No matching distribution found for something==1" in failed.stderr
    assert "run the same command again" in failed.stderr
    assert failed.stdout == ""
    again = checkout.start("data.check")
    assert again.returncode == 0
    assert "bringing .venv up to date" in again.stderr


def test_a_half_installed_package_is_installed_anew(checkout: Any) -> None:
    checkout.start("data.check", FAKE_PIP_FAILS="cut off")
    packages = checkout.root / ".venv/lib/python3.11/site-packages"
    for name, whole in (("half-1.dist-info", False), ("whole-1.dist-info", True), ("~old", False)):
        (packages / name).mkdir()
        if whole:
            (packages / name / "RECORD").touch()
    checkout.start("data.check")
    assert sorted(path.name for path in packages.iterdir()) == ["whole-1.dist-info"]


def test_an_environment_without_a_working_pip_is_made_anew(checkout: Any) -> None:
    (checkout.root / ".venv/bin").mkdir(parents=True)
    (checkout.root / ".venv/bin/python").write_text("#!/bin/sh\nexit 1\n")
    (checkout.root / ".venv/bin/python").chmod(0o755)
    done = checkout.start("data.check")
    assert done.returncode == 0
    assert "making .venv" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_ends_the_installer_and_leaves_a_resumable_state(
    checkout: Any, number: signal.Signals, code: int
) -> None:
    process, installer = checkout.begin_and_hang_in_pip("data.check")
    process.send_signal(number)
    _, said = process.communicate(timeout=10)
    with pytest.raises(ProcessLookupError):
        os.kill(installer, 0)
    assert process.returncode == code
    assert "takes it up where it stopped" in said
    assert checkout.start("data.check").returncode == 0


def test_a_killed_start_leaves_a_state_that_the_next_one_mends(checkout: Any) -> None:
    process, installer = checkout.begin_and_hang_in_pip("data.check")
    process.kill()
    process.communicate()
    waiting = checkout.begin("data.check")
    assert waiting.stderr is not None
    assert "waiting for it" in waiting.stderr.readline()  # the orphaned installer still holds the lock
    os.kill(installer, signal.SIGTERM)
    out, said = waiting.communicate(timeout=20)
    assert waiting.returncode == 0, said
    assert "arguments: data.check" in out


def test_two_first_starts_install_once(checkout: Any) -> None:
    starts = [checkout.begin("data.check") for _ in range(2)]
    said = [start.communicate(timeout=30)[1] for start in starts]
    assert [start.returncode for start in starts] == [0, 0], said
    assert len(checkout.installs()) == 1


def test_no_python_is_a_line_with_its_mend(checkout: Any) -> None:
    (checkout.programs / "python3.11").unlink()
    done = checkout.start("data.check")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Python 3.11 or newer is not on PATH" in done.stderr
    assert "KENNEL_PYTHON" in done.stderr


def test_a_python_that_is_too_old_is_named(checkout: Any) -> None:
    (checkout.programs / "python3.11").rename(checkout.programs / "python3")
    done = checkout.start("data.check", FAKE_PYTHON_VERSION="3.9.18")
    assert done.returncode == 1
    assert "python3 is 3.9.18" in done.stderr


def test_a_shim_without_a_python_behind_it_is_passed_over(checkout: Any) -> None:
    (checkout.programs / "python3.11").rename(checkout.programs / "python3")
    checkout.program("python3.11", "#!/bin/sh\necho 'python3.11: command not found' >&2\nexit 127\n")
    assert checkout.start("data.check").returncode == 0


def test_kennel_python_must_be_a_program(checkout: Any) -> None:
    done = checkout.start("data.check", KENNEL_PYTHON="/no/such/python")
    assert done.returncode == 1
    assert "KENNEL_PYTHON names '/no/such/python'" in done.stderr


def test_a_python_without_venv_names_the_package_to_install(checkout: Any) -> None:
    done = checkout.start("data.check", FAKE_VENV_FAILS="1")
    assert done.returncode == 1
    assert "ensurepip is not available" in done.stderr
    assert "python3.11-venv" in done.stderr


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
