"""The local cloud at a glance: what serves, how loaded it is, its alarms, and what scaling does."""

from __future__ import annotations

import contextlib
import os
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from kennel.commands.task import LOCAL_CLOUD, kennel_task
from kennel.commands.values import Number
from kennel.errors import KennelError

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from kennel.aws.live_figures import Serving, State

STATE_STYLES = {"ALARM": "bold red", "INSUFFICIENT_DATA": "yellow", "OK": "green"}
COLUMNS = ("requests", "errors", "throttles", "in_flight", "p50_ms", "p95_ms")
TITLES = ("req/min", "errors", "throttled", "in flight", "p50 ms", "p95 ms")
ALARMS = 12  # lines, those in ALARM first


@kennel_task(
    directory="folder of its files",
    interval="seconds between two looks",
    once="show it once and end, as with --json and outside a terminal",
)
def top(
    as_json: bool,
    directory: str = str(LOCAL_CLOUD),
    interval: Annotated[float, Number(0.5, 60, whole=False)] = 2.0,
    once: bool = False,
) -> dict[str, Any]:
    """Show what serves in the local cloud: instances, load, latencies, alarms, scaling; ends with Ctrl-C."""
    from kennel import terminal

    state = _read(directory)
    if as_json:
        return state.as_dict()
    console = terminal.result_console()
    if once or not console.is_terminal:
        console.print(_drawn(state))
        return state.as_dict()
    from rich.live import Live

    with contextlib.suppress(KeyboardInterrupt), Live(_drawn(state), console=console, screen=True) as live:
        while True:
            time.sleep(interval)
            state = _read(directory)
            live.update(_drawn(state), refresh=True)
    return state.as_dict()


def _read(directory: str) -> State:
    """Return the state by the local cloud's clock.

    Raises
    ------
    KennelError
        It does not run.
    """
    from kennel.aws import live_figures
    from kennel.localcloud import lifecycle
    from kennel.localcloud.connection import administer

    status = lifecycle.status(Path(directory))
    if not status.ready:
        raise KennelError(f"the local cloud in {directory} is {status.note}: run ./kennel local.up")
    variables = lifecycle.environment(status)
    os.environ.update(variables)
    return live_figures.read(datetime.fromisoformat(administer(variables, "clock")["now"]))


def _drawn(state: State) -> Group:
    from rich.console import Group
    from rich.text import Text

    at = Text(f"{state.at:%Y-%m-%d %H:%M:%S} UTC", style="bold")
    return Group(at, _serving(state), _alarms(state), _activities(state))


def _table(title: str, *columns: str) -> Table:
    from rich.table import Table

    table = Table(
        title=f"\n{title}", title_justify="left", box=None, padding=(0, 1, 0, 0), header_style="dim"
    )
    for column in columns:
        numbers = column in TITLES or column == "instances"
        table.add_column(column, justify="right" if numbers else "left", overflow="fold", no_wrap=numbers)
    return table


def _serving(state: State) -> Table:
    table = _table("what serves", "name", "status", "instances", *TITLES)
    for each in state.serving:
        cells = [_number(each.figures.get(name)) for name in COLUMNS]
        troubled = bool(each.figures.get("errors") or each.figures.get("throttles"))
        row = (each.name, each.status, _instances(each), *cells)
        table.add_row(*row, style="red" if troubled else None)
    return table


def _instances(serving: Serving) -> str:
    if serving.instances is None:
        return ""
    if serving.desired in (None, serving.instances):
        return str(serving.instances)
    return f"{serving.instances} → {serving.desired}"


def _alarms(state: State) -> Table:
    from rich.text import Text

    table = _table("alarms", "state", "since", "name")
    for alarm in state.alarms[:ALARMS]:
        shown = Text(alarm["state"], style=STATE_STYLES[alarm["state"]])
        table.add_row(shown, f"{alarm['since']:%H:%M:%S}", alarm["name"])
    if hidden := len(state.alarms) - ALARMS:
        table.caption = f"and {hidden} more" if hidden > 0 else None
    return table


def _activities(state: State) -> Table:
    table = _table("scaling", "at", "what", "status", "of which")
    for activity in state.activities:
        at = f"{activity['at']:%H:%M:%S}"
        resource = activity["resource"].removeprefix("endpoint/").removeprefix("function:").split("/")[0]
        table.add_row(at, activity["description"], activity["status"], resource)
    return table


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}" if value == int(value) else f"{value:.1f}"
