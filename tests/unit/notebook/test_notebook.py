"""The notebook in the repository: without outputs, and independent of machine and account."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[3]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ABSOLUTE = re.compile(r"(?<![\w.:/])(?:/(?:home|root|Users|tmp|opt|work|mnt|var)/|[A-Z]:\\)")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def document(request: pytest.FixtureRequest) -> Any:
    return nbformat.read(request.param, as_version=4)


def code(document: Any) -> list[Any]:
    return [cell for cell in document.cells if cell.cell_type == "code"]


def test_there_is_exactly_one_notebook() -> None:
    assert [path.name for path in NOTEBOOKS] == ["train_and_deploy.ipynb"]


def test_it_is_valid_and_its_cells_have_names(document: Any) -> None:
    nbformat.validate(document)
    names = [cell["id"] for cell in document.cells]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+", name) for name in names)


def test_outputs_and_counts_are_stripped(document: Any) -> None:
    assert [cell["id"] for cell in code(document) if cell.outputs or cell.execution_count] == []
    assert [cell["id"] for cell in document.cells if cell.metadata] == []


def test_it_names_no_machine_account_or_bucket(document: Any) -> None:
    for cell in document.cells:
        assert not ABSOLUTE.search(cell.source), cell["id"]
        assert not re.search(r"\b\d{12}\b|arn:aws|\.amazonaws\.com", cell.source), cell["id"]


def test_the_instance_registers_its_kernel(document: Any) -> None:
    script = (ROOT / "terraform/modules/notebook/scripts/on_start.sh.tftpl").read_text()
    assert f"--name {document.metadata.kernelspec.name} " in script
    assert f"--display-name {document.metadata.kernelspec.display_name} " in script


def test_the_instance_provides_every_variable_that_it_requires(document: Any) -> None:
    source = "\n".join(cell.source for cell in code(document))
    required = set(re.findall(r'os\.environ\["(\w+)"\]', source))
    provided = set(re.findall(r"^ +(KENNEL_\w+) += ", (ROOT / "terraform/main.tf").read_text(), re.M))
    assert required
    assert required <= provided


def test_it_calls_the_functions_that_the_tasks_call(document: Any) -> None:
    tree = ast.parse("\n".join(cell.source for cell in code(document)))
    called = {
        f"{node.func.value.id}.{node.func.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
    }
    assert called >= {
        "notebook_source.photos",
        "tuning.tune",
        "training_jobs.train",
        "releases.package",
        "trials.deploy",
        "trials.ask",
        "trials.delete",
    }
