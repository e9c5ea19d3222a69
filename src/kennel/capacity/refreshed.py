"""The table of prices with what AWS has answered: what changed, what is new, and what it does not know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from kennel.capacity.prices import Price, decimal

REFERENCE = "us-east-1"  # the region whose items are asked for in any other


@dataclass(frozen=True)
class Change:
    """A row of the table before and after; before is None where there was none."""

    before: Price | None
    after: Price

    @property
    def differs(self) -> bool:
        """Whether the dollars are others than before."""
        return self.before is None or self.before.dollars != self.after.dollars

    def as_dict(self) -> dict[str, Any]:
        """Return the change as a JSON document."""
        return {
            "service": self.after.service,
            "item": self.after.item,
            "unit": self.after.unit,
            "before": self.before.dollars if self.before else None,
            "after": self.after.dollars,
        }

    @property
    def row(self) -> tuple[str, str, str, str, str]:
        """The row of a table."""
        before = self.before.text if self.before else ""
        return self.after.service, self.after.item, self.after.unit, before, self.after.text


def asked_for(table: Iterable[Price], region: str) -> list[Price]:
    """Return the rows that a region has or should have: its own, and those of the reference region."""
    own = {(row.service, row.item): row for row in table if row.region == region}
    others = {(row.service, row.item): row for row in table if row.region == REFERENCE}
    return list({**others, **own}.values())


def answered(row: Price, region: str, dollars: float, source: str, today: date) -> Change:
    """Return the change that an answer of AWS makes to a row of `asked_for`.

    Parameters
    ----------
    dollars
        A unit of the row.
    source
        Where the answer comes from.
    """
    after = replace(row, region=region, dollars=float(decimal(dollars)), source=source, date=today)
    return Change(row if row.region == region else None, after)


def merged(table: Iterable[Price], changes: Iterable[Change]) -> list[Price]:
    """Return the table with the changes."""
    rows = {(row.region, row.service, row.item): row for row in table}
    for change in changes:
        rows[change.after.region, change.after.service, change.after.item] = change.after
    return list(rows.values())
