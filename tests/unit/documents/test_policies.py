"""docs/audit.md says of each of the project's own checks what an attacker gains where it fails.

``KENNEL_WRITE_DOCS=1 .venv/bin/python -m pytest tests/unit/documents/test_policies.py`` writes it.
"""

from __future__ import annotations

import os
import runpy
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "audit.md"
BEGIN = "test_policies.py -->\n"
END = "<!-- end of what is generated -->"
WRITE = bool(os.environ.get("KENNEL_WRITE_DOCS"))
WIDTH = 128


def section(entry: Any) -> str:
    """Return the section of one entry of the catalogue."""
    ids = ", ".join(f"`{check}` ({block})" for check, block in zip(entry.ids, entry.blocks, strict=True))
    title = f"### Ensure {entry.name}"
    paragraphs = (ids + ".", f"**Gains.** {entry.gains}", f"**Instead.** {entry.remedy}")
    filled = (textwrap.fill(paragraph, WIDTH, break_long_words=False) for paragraph in paragraphs)
    return "\n\n".join([title, *filled]) + "\n"


def test_the_page_explains_every_check() -> None:
    entries = runpy.run_path(str(ROOT / "policies" / "catalogue.py"))["ENTRIES"]
    generated = "\n" + "\n".join(map(section, entries)) + "\n"
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    present, _, after = rest.partition(END)
    if WRITE:
        PAGE.write_text(f"{before}{BEGIN}{generated}{END}{after}", encoding="utf-8")
        return
    assert present == generated
