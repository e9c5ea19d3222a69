"""Finds code that nothing in the project uses: ``python -m kennel.checks.dead_code``.

vulture does the work, with the settings of ``pyproject.toml``. One thing it cannot know: an attribute that is
set on an object of another library (moto's records, the SDK's jobs) is there for that library to read.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from vulture import Vulture
from vulture.config import make_config


def unused(root: Path) -> Iterator[str]:
    """Return a line for each piece of unused code, as ``FILE:LINE: what it is``.

    Parameters
    ----------
    root
        The checkout, whose ``pyproject.toml`` holds the settings.
    """
    config = make_config(["--config", str(root / "pyproject.toml")])
    vulture = Vulture(ignore_names=config["ignore_names"], ignore_decorators=config["ignore_decorators"])
    vulture.scavenge([str(root / path) for path in config["paths"]])
    for notebook in (root / "notebooks").glob("*.ipynb"):
        vulture.scan(_code(notebook), filename=str(notebook))
    for item in vulture.get_unused_code(min_confidence=config["min_confidence"]):
        if Path(item.filename).suffix == ".ipynb":  # which uses code and offers none
            continue
        if item.typ == "attribute" and not _is_own(item.filename, item.first_lineno, item.name):
            continue
        path = Path(item.filename)
        shown = path.relative_to(root) if path.is_relative_to(root) else path
        yield f"{shown}:{item.first_lineno}: {item.message}"


def _code(notebook: Path) -> str:
    """Return the Python code of a notebook's cells."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    lines = [line for cell in cells if cell["cell_type"] == "code" for line in [*cell["source"], "\n"]]
    return "".join(line for line in lines if not line.startswith(("%", "!")))  # those are IPython's


def _is_own(file: str | Path, line: int, name: str) -> bool:
    """Return whether a line sets an attribute of the object whose method this is."""
    text = Path(file).read_text(encoding="utf-8").splitlines()[line - 1]
    return re.search(rf"\bself\.{name}\b", text) is not None


def main() -> int:
    """Print what is unused; return 1 if anything is."""
    lines = list(unused(Path.cwd()))
    print("\n".join(lines) or "no unused code")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
