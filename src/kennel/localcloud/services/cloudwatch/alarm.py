"""Alarms: what they were made with, their states, and their history."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from kennel.capacity.scaling.alarms import INSUFFICIENT_DATA, AlarmRule
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.runtime.alarm_actions import StateChange
from kennel.localcloud.services.cloudwatch.rules import Rule

HISTORY_SECONDS = 30 * 24 * 3600  # AWS's retention
MOST_HISTORY = 10_000  # items of all alarms together
METRIC, COMPOSITE = "MetricAlarm", "CompositeAlarm"
ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", INSUFFICIENT_DATA: "InsufficientDataActions"}
_NOT_SHOWN = ("Tags", "AlarmRule")


def timestamp(at: float) -> datetime:
    """Return seconds since the epoch as a date, in UTC."""
    return datetime.fromtimestamp(at, UTC)


def iso(at: float) -> str:
    """Return seconds since the epoch as CloudWatch writes them into JSON."""
    return timestamp(at).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


@dataclass(frozen=True)
class Suppression:
    """Why a composite alarm does not act, and the change that it has not acted upon.

    Attributes
    ----------
    by
        ``WaitPeriod``, ``ExtensionPeriod`` or ``Alarm``, as DescribeAlarms says.
    until
        When a period ends, in seconds.
    """

    by: str
    change: StateChange
    until: float | None = None


class Version(NamedTuple):
    """What an evaluation of an alarm depends on beside metrics, to see whether it was changed meanwhile."""

    state: str
    set_at: float | None
    parameters: int


@dataclass
class Alarm:
    """An alarm and its state.

    Attributes
    ----------
    parameters
        What it was last put with, by the members of PutMetricAlarm or PutCompositeAlarm.
    rule
        A composite alarm's rule; None for a metric alarm.
    configured_at, updated_at, transitioned_at
        When it was put, when its state or the reason of that changed, and when its state changed; in seconds.
    set_at
        When SetAlarmState set the state that it is in; None if it was evaluated since.
    suppression
        What keeps a composite alarm from acting; None if nothing does.
    """

    arn: str
    parameters: dict[str, Any]
    configured_at: float
    rule: Rule | None = None
    state: str = INSUFFICIENT_DATA
    reason: str = "Unchecked: Initial alarm creation"
    reason_data: str | None = None
    updated_at: float = 0.0
    transitioned_at: float = 0.0
    set_at: float | None = None
    suppression: Suppression | None = None

    @property
    def name(self) -> str:
        """Its name."""
        name: str = self.parameters["AlarmName"]
        return name

    @property
    def version(self) -> Version:
        """What changes with the state and whenever it is put; parameters are replaced, never changed."""
        return Version(self.state, self.set_at, id(self.parameters))

    @property
    def kind(self) -> str:
        """``MetricAlarm`` or ``CompositeAlarm``."""
        return COMPOSITE if self.rule else METRIC

    @property
    def period(self) -> int:
        """Seconds of a datapoint of a metric alarm."""
        if self.parameters.get("Period"):
            return int(self.parameters["Period"])
        periods = [int(query.get("Period") or 0) for query in self.parameters["Metrics"]]
        periods += [
            int(query["MetricStat"]["Period"])
            for query in self.parameters["Metrics"]
            if query.get("MetricStat")
        ]
        return max(periods)

    @property
    def threshold_rule(self) -> AlarmRule:
        """When a metric alarm changes its state."""
        parameters = self.parameters
        return AlarmRule(
            comparison=parameters["ComparisonOperator"],
            threshold=float(parameters["Threshold"]),
            period=self.period,
            evaluation_periods=int(parameters["EvaluationPeriods"]),
            datapoints_to_alarm=parameters.get("DatapointsToAlarm"),
            missing=parameters.get("TreatMissingData") or "missing",
        )

    def actions(self, state: str) -> list[str]:
        """Return the ARNs of what it does in a state; nothing while its actions are disabled."""
        return list(self.parameters.get(ACTIONS[state]) or []) if self.parameters["ActionsEnabled"] else []

    def describe(self) -> dict[str, Any]:
        """Return it as DescribeAlarms does."""
        shown = {name: value for name, value in self.parameters.items() if name not in _NOT_SHOWN}
        described = {
            **shown,
            "AlarmArn": self.arn,
            "AlarmConfigurationUpdatedTimestamp": timestamp(self.configured_at),
            "StateValue": self.state,
            "StateReason": self.reason,
            "StateUpdatedTimestamp": timestamp(self.updated_at),
            "StateTransitionedTimestamp": timestamp(self.transitioned_at),
        }
        if self.reason_data:
            described["StateReasonData"] = self.reason_data
        if self.suppression:
            reason = f"Actions suppressed by {self.suppression.by}"
            described |= {"ActionsSuppressedBy": self.suppression.by, "ActionsSuppressedReason": reason}
        if self.rule:
            described["AlarmRule"] = self.parameters["AlarmRule"]
        return described

    def state_document(self) -> dict[str, Any]:
        """Return its state as the history shows it."""
        document: dict[str, Any] = {"stateValue": self.state, "stateReason": self.reason}
        if self.reason_data:
            document["stateReasonData"] = json.loads(self.reason_data)
        return document


@dataclass
class Alarms(KeptStore):
    """The alarms of a cloud by name, and what happened to them, oldest first.

    `lock` guards both; nothing that acts on an alarm runs within it.
    """

    by_name: dict[str, Alarm] = field(default_factory=dict)
    history: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MOST_HISTORY))
    lock: threading.RLock = field(default_factory=threading.RLock)

    def has(self, alarm: Alarm) -> bool:
        """Return whether an alarm was not deleted."""
        return self.by_name.get(alarm.name) is alarm

    def note(self, alarm: Alarm, kind: str, at: float, summary: str, data: dict[str, Any]) -> None:
        """Add an item to the history.

        Parameters
        ----------
        kind
            ConfigurationUpdate, StateUpdate or Action.
        """
        with self.lock:
            while self.history and self.history[0]["Timestamp"].timestamp() < at - HISTORY_SECONDS:
                self.history.popleft()
            self.history.append(
                {
                    "AlarmName": alarm.name,
                    "AlarmType": alarm.kind,
                    "Timestamp": timestamp(at),
                    "HistoryItemType": kind,
                    "HistorySummary": summary,
                    "HistoryData": json.dumps({"version": "1.0", **data}, separators=(",", ":")),
                }
            )


def alarms_of(cloud: Cloud) -> Alarms:
    """Return the alarms of a cloud."""
    return cloud.store(Alarms)
