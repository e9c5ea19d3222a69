"""The table of AWS's prices, ``prices.csv``: each with its unit, the day it was read, and its source.

A price that no source could be found for is in the table as ``unknown``: what it belongs to is billed, so a
sum must name it rather than leave it out.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path

from kennel.capacity import CapacityError

TABLE = Path(__file__).with_name("prices.csv")
UNKNOWN = "unknown"
HOURS_A_MONTH = 730.0  # as AWS's own calculator counts a month


@dataclass(frozen=True)
class Price:
    """One price of AWS, on demand.

    Parameters
    ----------
    region
        ``us-east-1``.
    service
        ``sagemaker``, ``ec2``, ``lambda``, ….
    item
        What is billed: ``hosting/ml.m5.large``, ``interface endpoint``.
    unit
        ``hour``, ``second``, ``month``, ``GB``, ``GB-month``, ``GB-second``, or what is counted: ``request``.
    dollars
        US dollars a unit; None if it is unknown.
    date
        When it was read.
    source
        The address where it was read; of an unknown price, why it is unknown.
    """

    region: str
    service: str
    item: str
    unit: str
    dollars: float | None
    date: date
    source: str

    @property
    def text(self) -> str:
        """The dollars as the table has them: all digits, no exponent."""
        return UNKNOWN if self.dollars is None else decimal(self.dollars)


COLUMNS = tuple(field.name for field in fields(Price))


def price(region: str, service: str, item: str) -> Price:
    """Return a price of the table.

    Raises
    ------
    CapacityError
        The table has no such price. An unknown one has ``dollars`` None.
    """
    known = _table().get((region, service, item))
    if known is None:
        raise CapacityError(
            f"{TABLE.name} has no price of {service} {item} in {region}: ./kennel cost.refresh asks AWS for "
            "those of the region, or add a row with its source"
        )
    return known


def items(region: str, service: str, prefix: str = "") -> list[str]:
    """Return the items of a service that have a row in a region and begin with ``prefix``."""
    return [
        item
        for (place, name, item) in _table()
        if place == region and name == service and item.startswith(prefix)
    ]


def regions() -> list[str]:
    """Return the regions that the table has prices of."""
    return sorted({region for region, _, _ in _table()})


def read(path: Path) -> list[Price]:
    """Return the prices of a table.

    Raises
    ------
    CapacityError
        The file is no such table, or has two prices for one thing.
    """
    prices: dict[tuple[str, str, str], Price] = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise CapacityError(f"{path} must have the columns {','.join(COLUMNS)}")
        for row in rows:
            try:
                entry = _entry(row)
            except ValueError as error:
                raise CapacityError(f"{path}:{rows.line_num}: {error}") from error
            key = (entry.region, entry.service, entry.item)
            if key in prices:
                raise CapacityError(f"{path}:{rows.line_num}: a second price of {' '.join(key)}")
            prices[key] = entry
    return list(prices.values())


def write(path: Path, prices: Iterable[Price]) -> None:
    """Write a table, sorted, so that a changed price is one changed line; the old file stays on an error."""
    draft = path.with_suffix(".tmp")
    with draft.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for entry in sorted(prices, key=lambda entry: (entry.region, entry.service, entry.item)):
            cells = dict(zip(COLUMNS, astuple(entry), strict=True)) | {"dollars": entry.text}
            rows.writerow([cells[name] for name in COLUMNS])
    draft.replace(path)


def decimal(number: float) -> str:
    """Return a price's digits without an exponent and without zeros at the end: ``0.0000002``."""
    return f"{number:.12f}".rstrip("0").rstrip(".")


@cache
def _table() -> dict[tuple[str, str, str], Price]:
    return {(entry.region, entry.service, entry.item): entry for entry in read(TABLE)}


def _entry(row: dict[str, str]) -> Price:
    """Return the price in a row; ValueError for a cell that is none."""
    for name in COLUMNS:
        if not row[name]:
            raise ValueError(f"{name} is empty")
    dollars = None if row["dollars"] == UNKNOWN else float(row["dollars"])
    if dollars is not None and not 0 <= dollars < float("inf"):
        raise ValueError(f"{row['dollars']} is no price")
    return Price(**{**row, "dollars": dollars, "date": date.fromisoformat(row["date"])})  # type: ignore[arg-type]
