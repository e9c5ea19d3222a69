"""The pictures of the documents, and the document that is calculated."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from kennel.commands.rehearsal import show
from kennel.commands.task import REHEARSAL, ROOT, kennel_task
from kennel.errors import KennelError

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
