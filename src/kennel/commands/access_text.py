"""What `audit.access` prints: a matrix of services and roles, one role in full, and the findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from kennel import terminal
from kennel.audit.access.summary import common_start
from kennel.errors import UsageError

Document = dict[str, Any]


def show(document: Document, role: str | None) -> None:
    """Print the matrix, or one role's calls and grants, then the findings and the figures.

    Raises
    ------
    UsageError
        There is no such role.
    """
    if role:
        _show_role(_named(document, role))
    else:
        _show_roles(document)
    for finding in document["findings"]:
        if role in (None, finding["role"]):
            terminal.print_line(
                f"{finding['kind']}: {finding['role']}: {finding['action']} on {finding['resource']}: "
                f"{finding['message']}"
            )
    terminal.print_line(figures(document))


def figures(document: Document) -> str:
    """Return the figures in one line."""
    mutation = document["mutation"]
    return (
        f"{document['calls']:,} calls by {len(document['roles'])} roles, {document['denied']} denied; of "
        f"{mutation['grants']} grants {mutation['needed']} are needed by a call, {mutation['excepted']} have "
        f"a reason, {mutation['unexplained']} have neither ({mutation['percent']} % explained); "
        f"{len(document['findings'])} findings"
    )


def _named(document: Document, name: str) -> Document:
    for access in document["roles"]:
        if name in (access["role"], access["name"]):
            return dict(access)
    raise UsageError(
        f"there is no role {name!r}: use one of {', '.join(access['role'] for access in document['roles'])}"
    )


def _show_roles(document: Document) -> None:
    accesses = document["roles"]
    columns = ("role", "calls", "denied", "grants", "used", "needed", "excepted", "neither")
    keys = ("role", "calls", "denied", "grants", "used", "needed", "excepted", "unexplained")
    terminal.print_table("Roles", columns, [[access[key] for key in keys] for access in accesses])
    callers = [access for access in accesses if access["calls"]]
    counts = [_by_service(access) for access in callers]
    services = sorted({service for counted in counts for service in counted})
    rows = [[service, *(_cell(counted.get(service)) for counted in counts)] for service in services]
    terminal.print_table("Calls", ("service", *(access["role"] for access in callers)), rows)


def _by_service(access: Document) -> dict[str, Counter[str]]:
    services: dict[str, Counter[str]] = {}
    for row in access["called"]:
        counted = services.setdefault(row["action"].partition(":")[0], Counter())
        counted.update(allowed=row["allowed"], denied=row["denied"])
    return services


def _cell(counted: Counter[str] | None) -> int | str | None:
    if counted is None or not counted["denied"]:
        return counted["allowed"] if counted else None
    return f"{counted['allowed']} ✗{counted['denied']}"


def _show_role(access: Document) -> None:
    rows = [
        (row["action"], row["resource"], row["allowed"], row["denied"]) for row in grouped(access["called"])
    ]
    columns = ("action", "resource", "allowed", "denied")
    terminal.print_table(f"Calls of {access['name']}", columns, rows, grouped=True)
    unused: dict[str, list[tuple[str, str]]] = {}
    for grant in access["unused"]:
        used_by = f" (used by {grant['used_by']})" if grant["used_by"] else ""
        reason = f"{grant['reason'] or 'no reason'}{used_by}"
        unused.setdefault(reason, []).append((grant["action"], _short(grant["resource"])))
    for reason, grants in unused.items():
        terminal.print_table(f"Never used: {reason}", ("action", "resource"), grants)
    wider = [(row["action"], _short(row["resource"]), _used_on(row)) for row in access["wider"]]
    if wider:
        terminal.print_table("Granted wider than used", ("action", "resource", "used on"), wider)


def _short(arn: str) -> str:
    """Return the part of an ARN that names the resource; its service is that of the action."""
    return arn.split(":", 5)[-1]


def grouped(called: list[Document], most: int = 3) -> Iterator[Document]:
    """Yield the calls, those of an action on many resources in one row with their common beginning.

    Parameters
    ----------
    most
        How many resources of an action have a row each.
    """
    by_action: dict[str, list[Document]] = {}
    for row in called:
        by_action.setdefault(row["action"], []).append(row)
    for action, rows in by_action.items():
        if len(rows) <= most:
            yield from ({**row, "resource": _short(row["resource"])} for row in rows)
            continue
        resources = [_short(row["resource"]) for row in rows]
        total = {key: sum(row[key] for row in rows) for key in ("allowed", "denied")}
        yield {"action": action, "resource": f"{len(rows)} resources: {common_start(resources)}…", **total}


def _used_on(row: Document) -> str:
    resources = [_short(resource) for resource in row["resources"]]
    if row["used_resources"] == 1:
        return resources[0]
    return f"{row['used_resources']} resources: {common_start(resources)}…"
