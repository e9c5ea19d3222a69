"""The documents: every link leads somewhere. ``python -m kennel.checks.documents``

Tests read the documents' commands with this module too: those in ``bash`` blocks. A block that begins with
``bash aws`` needs AWS; tests run the commands of all others.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PATTERNS = ("*.md", "docs/**/*.md")
_FENCE = re.compile(r"^```(?P<language>\S*)(?: +(?P<mark>\S+))?\s*$")
_LINK = re.compile(r"\]\((?!https?:|mailto:)(?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")
_HEADING = re.compile(r"^#+ +(?P<title>.+?) *$", re.MULTILINE)
_NOT_IN_ANCHOR = re.compile(r"[^\w\- ]")


@dataclass(frozen=True)
class Command:
    """One command of a document, its continued lines joined."""

    document: str
    line: int
    text: str
    on_aws: bool

    def __str__(self) -> str:
        return f"{self.document}:{self.line}: {self.text}"


def documents(root: Path) -> list[Path]:
    """Return the documents of a checkout."""
    return sorted(path for pattern in PATTERNS for path in root.glob(pattern))


def commands(root: Path) -> Iterator[Command]:
    """Yield the commands of the documents' ``bash`` blocks, in their order."""
    for path in documents(root):
        fence: re.Match[str] | None = None
        started, text = 0, ""
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if marker := _FENCE.match(line):
                fence = None if fence else marker
                continue
            if fence is None or fence["language"] != "bash":
                continue
            started = started if text else number
            text += line
            if text.endswith("\\"):
                text = text[:-1]
                continue
            if text.strip() and not text.lstrip().startswith("#"):
                yield Command(str(path.relative_to(root)), started, text.strip(), fence["mark"] == "aws")
            text = ""


def broken_links(root: Path) -> list[str]:
    """Return a line for each link to a file or heading that does not exist."""
    return [
        f"{path.relative_to(root)}: nothing at {link[0][2:-1]}"
        for path in documents(root)
        for link in _LINK.finditer(path.read_text(encoding="utf-8"))
        if not _exists(path, link["path"], link["anchor"])
    ]


def _exists(document: Path, target: str, anchor: str | None) -> bool:
    path = document.parent / target if target else document
    if not path.exists():
        return False
    return anchor is None or path.suffix != ".md" or anchor in _anchors(path)


def _anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives to a document's headings."""
    titles = (match["title"] for match in _HEADING.finditer(path.read_text(encoding="utf-8")))
    return {_NOT_IN_ANCHOR.sub("", title.replace("`", "")).lower().replace(" ", "-") for title in titles}


if __name__ == "__main__":
    faults = broken_links(Path.cwd())
    print("\n".join(faults))
    sys.exit(1 if faults else 0)
