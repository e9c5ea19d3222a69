"""What a check's programs print is kept, and what they answer decides."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kennel.checks.check import CheckResult
from kennel.checks.programs import Programs


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def run(root: Path, *commands: list[str], directory: str = ".", **variables: str) -> CheckResult:
    return Programs(root).run(
        "a check",
        *commands,
        progress=lambda line: None,
        directory=directory,
        variables=variables,
    )


def test_both_streams_are_kept_in_order_and_in_a_log(tmp_path: Path) -> None:
    result = run(tmp_path, python("import sys; print('one', flush=True); sys.stderr.write('two\\n')"))

    assert result.ok
    assert result.output == "one\ntwo\n"
    assert (tmp_path / "build" / "checks" / "a-check.log").read_text() == result.output


def test_what_follows_a_command_that_fails_does_not_run(tmp_path: Path) -> None:
    result = run(tmp_path, python("print('one')"), python("raise SystemExit(3)"), python("print('three')"))

    assert not result.ok
    assert result.output == "one\n"


def test_a_program_runs_in_its_folder_with_its_variables(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()

    result = run(
        tmp_path,
        python(
            "import os, pathlib; print(pathlib.Path.cwd().name, os.environ['COLOUR'], 'PATH' in os.environ)"
        ),
        directory="inner",
        COLOUR="red",
    )

    assert result.output == "inner red True\n"


def test_processor_time_is_that_of_all_programs_and_of_those_that_they_started(tmp_path: Path) -> None:
    spin = "import time\nwhile time.process_time() < 0.2: pass"
    start = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}])"

    result = run(tmp_path, python(start), python(spin))

    assert result.processor_seconds >= 0.4


def test_nothing_starts_after_an_interruption(tmp_path: Path) -> None:
    programs = Programs(tmp_path)
    programs.stop()

    result = programs.run("late", python("print('late')"), progress=lambda line: None)

    assert not result.ok
    assert result.output == ""


def test_a_process_left_behind_does_not_hold_the_check_up(tmp_path: Path) -> None:
    left = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True)"

    result = run(tmp_path, python(left))

    assert result.ok
    pid = int(result.output)
    assert Path(f"/proc/{pid}").exists() or not Path("/proc").exists()


@pytest.mark.parametrize("bytes_", ["\\xff", "\\xe2\\x82"])
def test_output_that_is_no_text_is_shown_all_the_same(tmp_path: Path, bytes_: str) -> None:
    result = run(tmp_path, python(f"import sys; sys.stdout.buffer.write(b'a{bytes_}b')"))

    assert result.output == "a\ufffdb"
