"""Which uv the set-up takes, and how it installs one."""

from __future__ import annotations

from typing import Any


def test_the_uv_on_path_is_used(checkout: Any) -> None:
    assert checkout.start("data.check").returncode == 0
    assert not list((checkout.root / ".tools").glob("uv-*"))


def test_without_uv_a_pinned_one_is_installed_once(checkout: Any) -> None:
    checkout.serve_uv()
    done = checkout.start("data.check")
    assert done.returncode == 0, done.stderr
    assert (checkout.root / ".tools/uv-0.13.9/bin/uv").exists()
    checkout.start("audit.code")
    assert (
        len([call for call in checkout.calls if " install " in call and "requirements-uv.txt" in call]) == 1
    )


def test_a_uv_that_is_too_old_is_passed_over(checkout: Any) -> None:
    checkout.serve_uv()
    checkout.program("uv", "#!/bin/sh\necho uv 0.10.12\n")
    assert checkout.start("data.check").returncode == 0
    assert len(checkout.installs()) == 1


def test_a_uv_with_another_hash_is_refused(checkout: Any) -> None:
    checkout.serve_uv(digest="0" * 64)
    done = checkout.start("data.check")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("kennel: uv could not be installed: ")
    assert "https://docs.astral.sh/uv/" in line
    assert not (checkout.root / ".tools/uv-0.13.9").exists()
    assert not (checkout.root / ".venv").exists()


def test_a_python_without_pip_installs_uv_with_that_of_an_environment(checkout: Any) -> None:
    checkout.serve_uv()
    done = checkout.start("data.check", FAKE_NO_PIP="1")
    assert done.returncode == 0, done.stderr
    assert len(checkout.installs()) == 1


def test_a_python_without_pip_and_venv_names_the_package_to_install(checkout: Any) -> None:
    checkout.serve_uv()
    done = checkout.start("data.check", FAKE_NO_PIP="1", FAKE_VENV_FAILS="1")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "ensurepip is not available" in line
    assert "python3.11-venv" in line


def test_a_uv_that_does_not_run_is_a_line_with_its_remedy(checkout: Any) -> None:
    checkout.serve_uv()
    done = checkout.start("data.check", FAKE_UV_VERSION="is broken")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "does not run here; install uv (" in line


def test_missing_pins_of_uv_are_named(checkout: Any) -> None:
    (checkout.programs / "uv").unlink()
    (checkout.root / "requirements-uv.txt").unlink()
    done = checkout.start("data.check")
    assert done.returncode == 1
    assert "git checkout -- requirements-uv.txt" in done.stderr
