"""The pictures of the documents, and the documents that are calculated."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kennel.commands.rehearsal import show
from kennel.commands.task import REHEARSAL, ROOT, kennel_task
from kennel.errors import KennelError

if TYPE_CHECKING:
    from kennel.capacity.scaling_document.settings import Settings

PICTURES = ROOT / "docs" / "pictures"
COLUMNS = 72
WIDTH, HEIGHT = 1280, 900  # of the report's picture, pixels
# rich names fonts of a content delivery network; the reader's own monospaced font will do.
_FONT_FACES = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


@kennel_task()
def pictures() -> dict[str, Any]:
    """Draw the pictures of README.md from the last rehearsal: its terminal, and the top of its report."""
    from kennel import rehearsal, terminal
    from kennel.report.screenshot import screenshot

    result, page = REHEARSAL / "result.json", REHEARSAL / rehearsal.PAGE
    if not (result.exists() and page.exists()):
        raise KennelError("there is no rehearsal to draw: run ./kennel rehearse --photo lab.jpg first")
    document = json.loads(result.read_text(encoding="utf-8"))
    if not document["ok"]:
        raise KennelError("the last rehearsal failed: run ./kennel rehearse --photo lab.jpg again")
    document["photo"] = Path(document["photo"]).name
    PICTURES.mkdir(parents=True, exist_ok=True)
    with terminal.recording(COLUMNS) as recorded:
        show(document)
    svg = recorded.export_svg(title=f"./kennel rehearse --photo {document['photo']}", unique_id="rehearsal")
    (PICTURES / "rehearsal.svg").write_text(_FONT_FACES.sub("", svg), encoding="utf-8")
    screenshot(page, PICTURES / "report.png", width=WIDTH, height=HEIGHT)
    files = [str(PICTURES / name) for name in ("rehearsal.svg", "report.png")]
    terminal.print_table("Drawn", ("file",), [[file] for file in files])
    return {"files": files}


@kennel_task()
def instances() -> dict[str, Any]:
    """Write docs/instances.md anew from the table of prices and from what was measured."""
    from kennel import terminal
    from kennel.capacity import instances as document

    path = ROOT / "docs" / "instances.md"
    path.write_text(document.page(), encoding="utf-8")
    terminal.print_line(str(path))
    return {"file": str(path)}


@kennel_task()
def scaling() -> dict[str, Any]:
    """Write docs/scaling.md anew from prices, measurements and runs of the simulator; takes minutes."""
    from kennel import terminal
    from kennel.capacity.scaling_document import chosen_runs, page, runs

    settings = scaling_settings()
    with terminal.progress("docs.scaling") as progress:
        runs.write(runs.simulate(chosen_runs.ChosenRuns(settings).all(), progress))
    path = ROOT / "docs" / "scaling.md"
    path.write_text(page.page(settings), encoding="utf-8")
    for written in (runs.RUNS, path):
        terminal.print_line(str(written))
    return {"file": str(path), "runs": str(runs.RUNS)}


def scaling_settings() -> Settings:
    """Return the stack's settings that docs/scaling.md is about."""
    from kennel.aws.infrastructure import variable_defaults
    from kennel.capacity.scaling_document.settings import NAMES, Settings

    folder = ROOT / "terraform"
    return Settings(
        {name: variable_defaults.of_object(folder, name) for name in NAMES},
        {name: variable_defaults.of_environment(folder, "prod", name) for name in NAMES},
    )
