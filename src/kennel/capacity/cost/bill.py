"""A month's bill of a plan: a line for each charge, the free resources, and what is not known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kennel.capacity import CapacityError
from kennel.capacity import prices as price_table
from kennel.capacity.cost import charges
from kennel.capacity.cost.charges import Charge
from kennel.capacity.cost.plan import Resource, Resources
from kennel.capacity.cost.usage import Usage
from kennel.capacity.prices import Price

ALLOWANCE = "(free each month)"


@dataclass(frozen=True)
class Line:
    """One charge with its price.

    Parameters
    ----------
    resource
        Its address in Terraform, or a name in parentheses of what is no resource of the plan.
    price
        None if the table has none for the region.
    """

    resource: str
    charge: Charge
    price: Price | None

    @property
    def month(self) -> float | None:
        """Dollars a month; None if price or quantity are not known."""
        return self._dollars(self.charge.quantity)

    @property
    def most(self) -> float | None:
        """Dollars a month at most."""
        return self._dollars(self.charge.quantity if self.charge.most is None else self.charge.most)

    @property
    def why_unknown(self) -> str:
        """Why it has no amount; empty if it has one."""
        item = f"{self.charge.service} {self.charge.item}"
        if self.price is None:
            return f"{item}: the table has no price in this region, ./kennel cost.refresh asks AWS"
        if self.price.dollars is None:
            return f"{item}: {self.price.source}"
        return f"{item}: the plan does not say how much" if self.charge.quantity is None else ""

    def _dollars(self, quantity: float | None) -> float | None:
        if quantity is None or self.price is None or self.price.dollars is None:
            return None
        return quantity * self.price.dollars

    def as_dict(self) -> dict[str, Any]:
        """Return the line as a JSON document; ``month`` is null where something is not known."""
        return {
            "resource": self.resource,
            "service": self.charge.service,
            "item": self.charge.item,
            "unit": self.price.unit if self.price else None,
            "price": self.price.dollars if self.price else None,
            "quantity": self.charge.quantity,
            "by_use": self.charge.by_use,
            "month": self.month,
            "most": self.most,
        }


@dataclass(frozen=True)
class Bill:
    """What a stack costs in a month.

    Parameters
    ----------
    free
        Each free resource with the reason.
    unclassified
        Resources of types that are neither billed nor free here: what they cost is not known.
    """

    region: str
    lines: list[Line] = field(default_factory=list)
    free: dict[str, str] = field(default_factory=dict)
    unclassified: dict[str, str] = field(default_factory=dict)

    @property
    def fixed(self) -> float:
        """Dollars a month that are billed as long as the resources exist."""
        return sum(line.month or 0 for line in self.lines if not line.charge.by_use)

    @property
    def by_use(self) -> float:
        """Dollars a month that follow the assumptions of use."""
        return sum(line.month or 0 for line in self.lines if line.charge.by_use)

    @property
    def total(self) -> float:
        """All dollars a month that are known."""
        return self.fixed + self.by_use

    @property
    def most(self) -> float:
        """The total if scaling keeps as many instances as it may."""
        return sum(line.most or 0 for line in self.lines)

    @property
    def unknown(self) -> dict[str, list[str]]:
        """What is billed and has no amount: reasons by resource."""
        reasons: dict[str, list[str]] = {}
        for line in self.lines:
            if line.why_unknown:
                reasons.setdefault(line.resource, []).append(line.why_unknown)
        for address, kind in self.unclassified.items():
            reasons[address] = [f"{kind} is not classified"]
        return reasons

    def as_dict(self) -> dict[str, Any]:
        """Return the bill as a JSON document; amounts are dollars a month."""
        return {
            "region": self.region,
            "lines": [line.as_dict() for line in self.lines],
            "free": self.free,
            "unknown": self.unknown,
            "month": {
                "fixed": round(self.fixed, 2),
                "by_use": round(self.by_use, 2),
                "total": round(self.total, 2),
                "most": round(self.most, 2),
            },
        }


def of(resources: Resources, usage: Usage, region: str) -> Bill:
    """Return the bill of a stack's resources, and of what is billed to its account beside them."""
    bill = Bill(region)
    for resource in resources.managed:
        _add(bill, resource, resources, usage)
    if resources.managed:
        for name, charge in charges.beside(resources, usage):
            bill.lines.append(_line(name, charge, region))
    bill.lines.extend(_allowances(bill.lines, usage, region))
    return bill


def _add(bill: Bill, resource: Resource, resources: Resources, usage: Usage) -> None:
    rule = charges.BILLED.get(resource.type)
    if rule is None:
        if resource.type in charges.FREE:
            bill.free[resource.address] = charges.FREE[resource.type]
        else:
            bill.unclassified[resource.address] = resource.type
        return
    lines = [_line(resource.address, charge, bill.region) for charge in rule(resource, resources, usage)]
    bill.lines.extend(lines)
    if not lines:
        bill.free[resource.address] = charges.NOTHING_NOW


def _allowances(lines: Iterable[Line], usage: Usage, region: str) -> Iterable[Line]:
    """Yield a negative line for what AWS does not bill to an account."""
    quantities: defaultdict[tuple[str, str, bool], float] = defaultdict(float)
    for line in lines:
        quantities[line.charge.service, line.charge.item, line.charge.by_use] += line.charge.quantity or 0
    left = dict(usage.allowances)
    for (service, item, by_use), quantity in quantities.items():
        used = min(quantity, left.get(f"{service} {item}", 0))
        if used > 0:
            left[f"{service} {item}"] -= used
            yield _line(ALLOWANCE, Charge(service, item, -used, by_use), region)


def _line(resource: str, charge: Charge, region: str) -> Line:
    try:
        return Line(resource, charge, price_table.price(region, charge.service, charge.item))
    except CapacityError:
        return Line(resource, charge, None)
