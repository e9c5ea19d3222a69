"""Notebooks executed in a real kernel: their settings, their failures, their interruption."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import nbformat
import pytest

from kennel import notebook


def written(path: Path, *cells: str) -> Path:
    made = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=made), path)
    return path


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def test_the_kernel_gets_its_settings_and_the_source_stays_clean(tmp_path: Path) -> None:
    source = written(tmp_path / "source.ipynb", "import os", "print('for', os.environ['KENNEL_DATASET'])")
    target, told = tmp_path / "out" / "executed.ipynb", list[str]()

    record = notebook.execute(source, target, {"KENNEL_DATASET": "dogs"}, progress=told.append)

    assert (record["notebook"], record["cells"]) == (str(target), 2)
    assert nbformat.read(target, as_version=4).cells[1].outputs[0].text == "for dogs\n"
    assert nbformat.read(source, as_version=4).cells[1].outputs == []
    assert told == ["cell 1 of 2: import os", "cell 2 of 2: print('for', os.environ['KENNEL_DATASET'])"]


def test_outputs_are_kept_in_the_source_when_asked(tmp_path: Path) -> None:
    source = written(tmp_path / "source.ipynb", "1 + 1")
    notebook.execute(source, tmp_path / "executed.ipynb", {}, keep_output=True)
    assert nbformat.read(source, as_version=4).cells[0].outputs[0].data["text/plain"] == "2"


def test_a_failing_cell_is_named_and_the_copy_is_kept(tmp_path: Path) -> None:
    source, target = written(tmp_path / "source.ipynb", "x = 1", "y = 2\nx / 0"), tmp_path / "executed.ipynb"

    with pytest.raises(
        notebook.NotebookError, match=r"cell 2 of 2: y = 2: ZeroDivisionError: division by zero"
    ):
        notebook.execute(source, target, {})

    assert nbformat.read(target, as_version=4).cells[0].execution_count == 1
    assert nbformat.read(source, as_version=4).cells[0].execution_count is None


def test_a_kernel_that_dies_is_said_to_have_died(tmp_path: Path) -> None:
    source = written(tmp_path / "source.ipynb", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(notebook.NotebookError, match="cell 1 of 1: import os, signal: the kernel died"):
        notebook.execute(source, tmp_path / "executed.ipynb", {})


def test_an_interrupt_reaches_the_cell_that_runs_and_ends_the_kernel(tmp_path: Path) -> None:
    note, pid = tmp_path / "stopped", tmp_path / "pid"
    source = written(
        tmp_path / "source.ipynb",
        f"import os, time\nfrom pathlib import Path\nPath({str(pid)!r}).write_text(str(os.getpid()))",
        "try:\n    time.sleep(300)\n"
        f"except KeyboardInterrupt:\n    Path({str(note)!r}).write_text('its job')\n    raise",
    )

    def interrupt_soon(line: str) -> None:
        if line.startswith("cell 2"):
            threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt):
        notebook.execute(source, tmp_path / "executed.ipynb", {}, progress=interrupt_soon)

    assert note.read_text() == "its job"  # a training that the cell follows is stopped like this
    assert gone(int(pid.read_text()))
