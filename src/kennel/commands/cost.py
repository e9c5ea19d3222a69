"""What a stack costs, before anything is created, and the table of prices that this is calculated with."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from kennel.aws.session import ENVIRONMENTS
from kennel.commands.task import ENVIRONMENT_HELP, ROOT, default_environment, kennel_task
from kennel.commands.values import Choice, FilePath
from kennel.errors import UsageError

if TYPE_CHECKING:
    from kennel.aws import Progress
    from kennel.capacity.cost.bill import Bill
    from kennel.capacity.cost.usage import Usage

ASLEEP = "asleep"
BUILD = ROOT / "build" / "cost"
REGION_HELP = "the region whose prices are meant"


@kennel_task(
    env=ENVIRONMENT_HELP,
    asleep="the environment as it is after stack.sleep",
    compare="another environment, or the same one asleep",
    usage="a file with your own assumptions, see docs/cost.md",
    region=REGION_HELP,
)
def cost(
    env: Annotated[str | None, Choice(*ENVIRONMENTS)] = None,
    asleep: bool = False,
    compare: Annotated[str | None, Choice(*ENVIRONMENTS, ASLEEP)] = None,
    usage: Annotated[str | None, FilePath()] = None,
    region: str = "us-east-1",
) -> dict[str, Any]:
    """Show what an environment costs a month with a release deployed; creates nothing, asks no account."""
    from kennel import terminal
    from kennel.capacity import prices
    from kennel.capacity.cost import usage as assumptions

    environment = env or default_environment()
    if region not in prices.regions():
        raise UsageError(
            f"the table has no prices of {region}: run ./kennel cost.refresh --region {region}, or use "
            f"--region {' or '.join(prices.regions())}"
        )
    override = Path(usage) if usage else None
    both = [(environment, asleep), *([_compared(environment, compare)] if compare else [])]
    assumed = [assumptions.read(name, override, asleep=sleeps) for name, sleeps in both]
    with terminal.progress("cost") as progress, _cloud(progress):
        bill, *others = [
            _bill(*which, each, region, progress) for which, each in zip(both, assumed, strict=True)
        ]
    name = f"{environment}{', asleep' if asleep else ''}"
    show(bill, name)
    document = {"environment": environment, "asleep": asleep, **bill.as_dict()}
    if compare is None:
        return document
    return {**document, "compared": _difference(bill, *others, name=name, compared=compare)}


@kennel_task(region=REGION_HELP)
def refresh(region: str = "us-east-1") -> dict[str, Any]:
    """Ask AWS's Price List API for a region's prices and write them into the table, with day and number."""
    from datetime import UTC, datetime

    from kennel import terminal
    from kennel.aws import price_list
    from kennel.capacity import prices, refreshed

    table = prices.read(prices.TABLE)
    changes, unasked, unanswered = [], [], []
    today = datetime.now(UTC).date()
    with terminal.progress("cost.refresh") as progress:
        pricing = price_list.client()
        for row in refreshed.asked_for(table, region):
            name = f"{row.service} {row.item}"
            query = price_list.query(row.service, row.item)
            progress(name)
            if query is None:
                unasked.append(name)
            elif (listed := price_list.find(pricing, query, region)) is None:
                unanswered.append(name)
            else:
                source = f"https://api.pricing.us-east-1.amazonaws.com {listed.code} {listed.sku}"
                changes.append(refreshed.answered(row, region, listed.dollars, source, today))
        prices.write(prices.TABLE, refreshed.merged(table, changes))
    differing = [change for change in changes if change.differs]
    columns = ("service", "item", "unit", "before", "now")
    terminal.print_table(f"Prices that changed in {region}", columns, [change.row for change in differing])
    terminal.print_line(f"{len(changes)} prices of {region} are of {today}: {prices.TABLE}")
    for what, names in (("AWS lists none", unanswered), ("read them on AWS's pages", unasked)):
        if names:
            terminal.print_line(f"as before, {what}: {', '.join(names)}")
    return {
        "region": region,
        "read": len(changes),
        "changed": [change.as_dict() for change in differing],
        "unanswered": unanswered,
        "unasked": unasked,
    }


def show(bill: Bill, name: str) -> None:
    """Print a bill: its lines, what is free, what is not known, and the sums."""
    from kennel import terminal
    from kennel.capacity.prices import UNKNOWN, decimal

    rows = []
    for line in bill.lines:
        price, quantity = line.price.dollars if line.price else None, line.charge.quantity
        rows.append(
            (
                line.resource,
                f"{line.charge.service} {line.charge.item}",
                line.price.unit if line.price else "",
                UNKNOWN if price is None else decimal(price),
                UNKNOWN
                if quantity is None
                else f"{quantity:,.10g}"
                if abs(quantity) < 1
                else f"{quantity:,.2f}",
                UNKNOWN if line.month is None else _dollars(line.month),
            )
        )
    columns = ("resource", "billed", "unit", "dollars a unit", "units", "dollars a month")
    terminal.print_table(f"Cost of {name} in {bill.region}", columns, rows, grouped=True)
    free: dict[str, int] = {}
    for reason in bill.free.values():
        free[reason] = free.get(reason, 0) + 1
    terminal.print_table("Free", ("why", "resources"), sorted(free.items()))
    for resource, reasons in bill.unknown.items():
        terminal.print_line(f"not known: {resource}: {'; '.join(reasons)}")
    terminal.print_line(
        f"{name}: {bill.total:.2f} dollars a month, {bill.fixed:.2f} fixed and {bill.by_use:.2f} by the "
        f"assumed use; at most {bill.most:.2f}, with as many instances as scaling allows"
    )


def month_difference(document: dict[str, Any], environment: str, region: str) -> dict[str, Any]:
    """Print what a plan adds to a month's costs, and return it.

    Parameters
    ----------
    document
        ``terraform show -json`` of the plan.

    Returns
    -------
    dict
        ``before, after, difference`` in dollars a month, and ``unknown``, what is billed after it and has no
        amount.
    """
    from kennel import terminal
    from kennel.capacity import prices
    from kennel.capacity.cost import bill, plan
    from kennel.capacity.cost import usage as assumptions

    bills = []
    for resources in (plan.present(document), plan.planned(document)):
        asleep = bool((resources.outputs.get("endpoint") or {}).get("asleep"))
        bills.append(bill.of(resources, assumptions.read(environment, asleep=asleep), region))
    before, after = bills
    difference = after.total - before.total
    if region not in prices.regions():
        terminal.print_line(
            f"a month: the table has no prices of {region}, run ./kennel cost.refresh --region {region}"
        )
    else:
        names = sorted(after.unknown)
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        unknown = f"; not known: {', '.join(names[:3])}{more}" if names else ""
        terminal.print_line(
            f"a month: {'+' if difference > 0 else ''}{_dollars(difference)} dollars, "
            f"{_dollars(before.total)} before and {_dollars(after.total)} after{unknown}"
        )
    return {
        "before": round(before.total, 2),
        "after": round(after.total, 2),
        "difference": round(difference, 2),
        "unknown": after.unknown,
    }


def _bill(environment: str, asleep: bool, usage: Usage, region: str, progress: Progress) -> Bill:
    """Return the bill of an environment, planned on the local cloud that the variables point at."""
    from kennel.aws.infrastructure import hypothetical
    from kennel.aws.session import Workspace
    from kennel.capacity.cost import bill, plan

    workspace = Workspace(environment, BUILD / environment)
    document = hypothetical.plan(workspace, asleep=asleep, progress=progress)
    return bill.of(plan.planned(document), usage, region)


def _compared(environment: str, compare: str) -> tuple[str, bool]:
    return (environment, True) if compare == ASLEEP else (compare, False)


def _difference(bill: Bill, other: Bill, *, name: str, compared: str) -> dict[str, Any]:
    """Print two bills side by side, by what is billed; return the other one with the difference."""
    from kennel import terminal

    sums: dict[str, list[float]] = {}
    for index, each in enumerate((bill, other)):
        for line in each.lines:
            sums.setdefault(f"{line.charge.service} {line.charge.item}", [0.0, 0.0])[index] += line.month or 0
    rows = [(item, *map(_dollars, (*pair, pair[1] - pair[0]))) for item, pair in sums.items()]
    totals = (bill.total, other.total, other.total - bill.total)
    rows.append(("all", *map(_dollars, totals)))
    columns = ("dollars a month", name, compared, "difference")
    terminal.print_table(f"{name} and {compared}", columns, rows)
    return {"environment": compared, **other.as_dict(), "difference": round(other.total - bill.total, 2)}


def _dollars(amount: float) -> str:
    return f"{round(amount, 2) + 0.0:.2f}"  # the sum turns -0.0 into 0.0


@contextlib.contextmanager
def _cloud(progress: Progress) -> Iterator[None]:
    """Point this process at a temporary local cloud, which answers what Terraform asks while it plans."""
    from kennel.aws.infrastructure import shell
    from kennel.folders import HeldFolder
    from kennel.localcloud.ephemeral import EphemeralCloud

    before = dict(os.environ)
    with HeldFolder() as folder:
        cloud = EphemeralCloud(folder / "cloud")
        for name in shell.CONFLICTING:
            os.environ.pop(name, None)
        try:
            os.environ.update(cloud.start(progress))
            yield
        finally:
            cloud.stop()
            os.environ.clear()
            os.environ.update(before)
