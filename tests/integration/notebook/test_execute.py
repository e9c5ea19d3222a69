"""Notebooks executed in a real kernel: settings, failures, interruption."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import nbformat
import pytest

from kennel import notebook


def write_notebook(path: Path, *cells: str) -> Path:
    notebook_cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=notebook_cells), path)
    return path


def has_ended(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def test_the_kernel_receives_its_settings_and_the_source_is_unchanged(tmp_path: Path) -> None:
    source = write_notebook(
        tmp_path / "source.ipynb", "import os", "print('for', os.environ['KENNEL_DATASET'])"
    )
    target, lines = tmp_path / "out" / "executed.ipynb", list[str]()

    record = notebook.execute(source, target, {"KENNEL_DATASET": "dogs"}, progress=lines.append)

    assert (record["notebook"], record["cells"]) == (str(target), 2)
    assert nbformat.read(target, as_version=4).cells[1].outputs[0].text == "for dogs\n"
    assert nbformat.read(source, as_version=4).cells[1].outputs == []
    assert lines == ["cell 1 of 2: import os", "cell 2 of 2: print('for', os.environ['KENNEL_DATASET'])"]


def test_outputs_are_kept_in_the_source_on_request(tmp_path: Path) -> None:
    source = write_notebook(tmp_path / "source.ipynb", "1 + 1")
    notebook.execute(source, tmp_path / "executed.ipynb", {}, keep_output=True)
    assert nbformat.read(source, as_version=4).cells[0].outputs[0].data["text/plain"] == "2"


def test_a_failing_cell_is_named_and_the_copy_is_kept(tmp_path: Path) -> None:
    source, target = (
        write_notebook(tmp_path / "source.ipynb", "x = 1", "y = 2\nx / 0"),
        tmp_path / "executed.ipynb",
    )

    with pytest.raises(
        notebook.NotebookError, match=r"cell 2 of 2: y = 2: ZeroDivisionError: division by zero"
    ):
        notebook.execute(source, target, {})

    assert nbformat.read(target, as_version=4).cells[0].execution_count == 1
    assert nbformat.read(source, as_version=4).cells[0].execution_count is None


def test_a_kernel_that_dies_is_reported(tmp_path: Path) -> None:
    source = write_notebook(
        tmp_path / "source.ipynb", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    with pytest.raises(notebook.NotebookError, match="cell 1 of 1: import os, signal: the kernel died"):
        notebook.execute(source, tmp_path / "executed.ipynb", {})


def test_an_interrupt_reaches_the_running_cell_and_ends_the_kernel(tmp_path: Path) -> None:
    note, pid = tmp_path / "stopped", tmp_path / "pid"
    source = write_notebook(
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

    assert note.read_text() == "its job"  # in this way a cell stops its training job
    assert has_ended(int(pid.read_text()))
