"""When scheduled rules and the Scheduler's schedules run: looked at once a minute, by the cloud's clock."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kennel.capacity.scaling.schedules import ScheduleError, parse
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore, TransientStore
from kennel.localcloud.runtime.metrics.store import MINUTE
from kennel.localcloud.services.events.delivery import deliver, rules_of
from kennel.localcloud.services.events.schedules import Occasion, run_schedule, schedules_of


class Entry(NamedTuple):
    """What runs by a schedule; one that changes counts from its change."""

    expression: str
    timezone: str
    start: float | None = None
    end: float | None = None


@dataclass
class Beginnings(KeptStore):
    """When each schedule was made or last changed, by what it is of: a ``rate`` counts from there."""

    by_name: dict[tuple[str, ...], tuple[Entry, float]] = field(default_factory=dict)


@dataclass
class NextRuns(TransientStore):
    """When each schedule runs next, by the same names; None for never again."""

    by_name: dict[tuple[str, ...], tuple[Entry, float | None]] = field(default_factory=dict)


def run_by_clock(cloud: Cloud) -> None:
    """Run what becomes due in a region, for as long as the cloud runs; what was missed is not made up for."""
    cloud.clock.every(MINUTE, lambda: _look(cloud))


def note_rule(cloud: Cloud, name: str) -> None:
    """Let a rule that was put count from now on."""
    for rule in rules_of(cloud.account, cloud.region):
        if rule.name == name and rule.scheduled_expression:
            _next_run(cloud, ("rule", name), Entry(rule.scheduled_expression, "UTC"))


def note_schedule(cloud: Cloud, group: str, name: str) -> None:
    """Let a schedule that was put count from now on."""
    for schedule in schedules_of(cloud.account, cloud.region):
        if (schedule.group_name, schedule.name) == (group, name):
            _next_run(cloud, ("schedule", group, name), _entry(schedule))


def _entry(schedule: Any) -> Entry:
    return Entry(
        schedule.schedule_expression,
        schedule.schedule_expression_timezone,
        _seconds(schedule.start_date),
        _seconds(schedule.end_date),
    )


def _seconds(value: Any) -> float | None:
    return None if value is None else float(value)


def _next_run(cloud: Cloud, name: tuple[str, ...], entry: Entry) -> float | None:
    known, now = cloud.store(NextRuns).by_name.get(name), cloud.clock.time()
    if known and known[0] == entry:
        return known[1]
    beginnings = cloud.store(Beginnings).by_name
    before = beginnings.get(name)
    if before is None or before[0] != entry:
        beginnings[name] = entry, now
        cloud.changes.note()
    return _plan(cloud, name, entry, now)


def _plan(cloud: Cloud, name: tuple[str, ...], entry: Entry, after: float) -> float | None:
    created = cloud.store(Beginnings).by_name[name][1]
    try:
        when = parse(entry.expression, entry.timezone).next_after(after, created, entry.start, entry.end)
    except ScheduleError:  # of a state that an earlier version kept
        when = None
    cloud.store(NextRuns).by_name[name] = entry, when
    return when


def _look(cloud: Cloud) -> None:
    now = cloud.clock.time()
    name: tuple[str, ...]
    present: set[tuple[str, ...]] = set()
    for rule in rules_of(cloud.account, cloud.region):
        if not rule.scheduled_expression:
            continue
        name, entry = ("rule", rule.name), Entry(rule.scheduled_expression, "UTC")
        present.add(name)
        when = _next_run(cloud, name, entry)
        if when is not None and when <= now:
            _plan(cloud, name, entry, now)
            if rule.state != "DISABLED":
                deliver(cloud, rule, _event(cloud, rule, when))
    for schedule in schedules_of(cloud.account, cloud.region):
        name, entry = ("schedule", schedule.group_name, schedule.name), _entry(schedule)
        present.add(name)
        when = _next_run(cloud, name, entry)
        if when is not None and when <= now:
            following = _plan(cloud, name, entry, now)
            if schedule.state != "DISABLED":
                run_schedule(cloud, schedule, Occasion(when, last=following is None))
    for store in (cloud.store(NextRuns).by_name, cloud.store(Beginnings).by_name):
        for name in store.keys() - present:
            store.pop(name, None)


def _event(cloud: Cloud, rule: Any, when: float) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": cloud.account,
        "time": cloud.clock.now()
        .fromtimestamp(when, tz=cloud.clock.now().tzinfo)
        .strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": cloud.region,
        "resources": [rule.arn],
        "detail": {},
    }
