"""Paragraphs and tables of the documents that are calculated."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 118
_VERBATIM = ("#", "|", "!", "<", "```")


def paragraph(*parts: str, indent: str = "") -> str:
    """Return a paragraph in lines of the documents' width; `indent` precedes all lines but the first."""
    words = " ".join(" ".join(parts).split())
    return textwrap.fill(
        words, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def wrapped(document: str) -> str:
    """Return a document whose paragraphs and lists are in lines of the documents' width again."""
    return "\n\n".join(_block(block) for block in document.strip().split("\n\n")) + "\n"


def dollars(amount: float) -> str:
    """Return dollars and cents."""
    return f"{amount:,.2f}"


def _block(block: str) -> str:
    if block.startswith(_VERBATIM):
        return block
    if block.startswith("- "):
        items = re.split(r"\n(?=- )", block)
        return "\n".join(paragraph(item, indent="  ") for item in items)
    return paragraph(block)
