"""The table of images in docs/platforms.md is that of terraform/images.json.

``KENNEL_WRITE_DOCS=1 .venv/bin/python -m pytest tests/unit/documents/test_platforms.py`` writes it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from kennel.audit.images import images

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "platforms.md"
WRITE = bool(os.environ.get("KENNEL_WRITE_DOCS"))
TABLE = re.compile(r"(<!-- images: .*? -->\n)(.*?)(<!-- end of images -->)", re.DOTALL)


def test_the_page_has_the_images_that_terraform_uses() -> None:
    rows = []
    for image in images(ROOT):
        end = str(image.end_of_patch or f"none named (AWS, {image.as_of})")
        if image.exception is not None:
            page = Path(image.exception.decision).relative_to("docs")
            end += f" ([kept until {image.exception.until}]({page}))"
        rows.append(
            f"| {image.use}, {image.accelerator} | `{image.name}` | {image.python} | {end} "
            f"| [AWS]({image.source}) |"
        )
    table = "\n".join(
        ["| use | image | Python | end of patch | source |", "|---|---|---|---|---|", *rows, ""]
    )
    text = PAGE.read_text(encoding="utf-8")
    written = TABLE.sub(lambda match: match[1] + table + match[3], text)
    if WRITE:
        PAGE.write_text(written, encoding="utf-8")
    assert TABLE.search(text) is not None
    assert WRITE or written == text
