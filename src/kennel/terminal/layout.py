"""Where the cells of a table go: column widths that fit a terminal, and aligned lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len

NARROWEST = 8  # a column that is divided becomes no narrower
NO_VALUE = "-"  # an empty cell of aligned text, which keeps the number of its columns


def fitting(rows: list[list[str]], budget: int) -> list[int]:
    """Return the widths of a table's columns, together no wider than the budget as far as that can be read.

    Columns of several words give way first, down to their longest word; then the widest columns, whose words
    are then divided.
    """
    cells = [list(column) for column in zip(*rows, strict=True)]
    widths = [max(map(cell_len, column)) for column in cells]
    words = [max(cell_len(word) for cell in column for word in (cell.split() or [""])) for column in cells]
    for index in sorted(range(len(widths)), key=lambda index: words[index] - widths[index]):
        excess = sum(widths) - budget
        widths[index] = max(words[index], widths[index] - max(excess, 0))
    while sum(widths) > budget and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return widths


def aligned(rows: list[list[str]], numbers: list[bool]) -> Iterator[str]:
    """Yield the lines of a table without lines, two spaces between its columns."""
    rows = [[cell or NO_VALUE for cell in row] for row in rows]
    widths = [max(cell_len(row[index]) for row in rows) for index in range(len(numbers))]
    for row in rows:
        cells = []
        for cell, width, is_number in zip(row, widths, numbers, strict=True):
            space = " " * (width - cell_len(cell))
            cells.append(space + cell if is_number else cell + space)
        yield "  ".join(cells).rstrip()
