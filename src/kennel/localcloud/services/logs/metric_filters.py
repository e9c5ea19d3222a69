"""Metric filters: the metrics that lines of a log group become.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringPolicyExamples.html
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import Any

from kennel.localcloud.dispatch.cloud import Cloud, TransientStore
from kennel.localcloud.runtime.metrics.store import MINUTE, Datum, dimensions_key, metric_store
from kennel.localcloud.services.logs.comparison import PatternError
from kennel.localcloud.services.logs.filter_pattern import FilterPattern, parse, selected


@dataclass
class ParsedPatterns(TransientStore):
    """Patterns that were parsed, by their text."""

    by_text: dict[str, FilterPattern] = field(default_factory=dict)


@dataclass
class DefaultValues(TransientStore):
    """The default values that are due: those of minutes with log events of which none has matched."""

    due: dict[tuple[str, str, int], Datum] = field(default_factory=dict)  # by namespace, name and minute
    matched: set[tuple[str, str, int]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, transformation: dict[str, Any], minutes: set[int], matched: set[int]) -> None:
        """Note that log events arrived in some minutes, and in which of them some matched."""
        metric = transformation["metricNamespace"], transformation["metricName"]
        value = float(transformation["defaultValue"])
        with self.lock:
            self.matched |= {(*metric, minute) for minute in matched}
            for minute in minutes:
                self.due[*metric, minute] = _plain(transformation, value, float(minute * MINUTE))

    def take(self, before: float) -> list[tuple[str, Datum]]:
        """Return the values of the minutes that ended before a time, with their namespaces; forget them."""
        with self.lock:
            ended = [key for key in self.due if (key[2] + 1) * MINUTE <= before]
            taken = [(key[0], self.due.pop(key)) for key in ended if key not in self.matched]
            for key in ended:
                self.due.pop(key, None)
            self.matched -= set(ended)
        return taken


def publish_defaults(cloud: Cloud) -> None:
    """Publish default values at the end of each minute, for as long as the cloud runs."""

    def publish() -> None:
        for namespace, datum in cloud.store(DefaultValues).take(cloud.clock.time()):
            metric_store(cloud).put(namespace, [datum])

    cloud.clock.every(MINUTE, publish)


def pattern_of(cloud: Cloud, text: str) -> FilterPattern:
    """Return a pattern, parsed once.

    Raises
    ------
    PatternError
        It is not valid.
    """
    patterns = cloud.store(ParsedPatterns).by_text
    if text not in patterns:
        patterns[text] = parse(text)
    return patterns[text]


def publish_matches(cloud: Cloud, filters: list[dict[str, Any]], events: list[tuple[float, str]]) -> None:
    """Publish the metrics that filters make of log events.

    Parameters
    ----------
    filters
        As DescribeMetricFilters returns them.
    events
        Times, in seconds by the cloud's clock, and messages.
    """
    for each in filters:
        pattern = pattern_of(cloud, each.get("filterPattern") or "")
        matches = [(at, pattern.match(message)) for at, message in events]
        for transformation in each["metricTransformations"]:
            data = [
                datum
                for at, matched in matches
                if matched is not None and (datum := _datum(transformation, matched, at)) is not None
            ]
            metric_store(cloud).put(transformation["metricNamespace"], data)
            if transformation.get("defaultValue") is not None:
                minutes = {int(at // MINUTE) for at, _ in events}
                cloud.store(DefaultValues).note(
                    transformation, minutes, {int(datum.at // MINUTE) for datum in data}
                )


def _datum(transformation: dict[str, Any], matched: dict[str, Any], at: float) -> Datum | None:
    """Return the value that a matched event gives; None if it gives no number, or lacks a dimension."""
    value = _number(matched, str(transformation["metricValue"]))
    dimensions = {
        name: selected(matched, selector)
        for name, selector in (transformation.get("dimensions") or {}).items()
    }
    if value is None or any(text is None or isinstance(text, (dict, list)) for text in dimensions.values()):
        return None
    texts = {name: str(text) for name, text in dimensions.items()}
    return _plain(transformation, value, at, texts)


def _plain(
    transformation: dict[str, Any], value: float, at: float, dimensions: dict[str, str] | None = None
) -> Datum:
    return Datum(
        name=transformation["metricName"],
        dimensions=dimensions_key(dimensions or {}),
        at=at,
        values=((value, 1.0),),
        unit=transformation.get("unit") or "None",
    )


def _number(matched: dict[str, Any], text: str) -> float | None:
    value = selected(matched, text) if text.startswith("$") else text
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def check_transformation(transformation: dict[str, Any]) -> None:
    """Check what a filter makes of a line.

    Raises
    ------
    PatternError
        The value is neither a number nor a selector, or a default value has dimensions beside it.
    """
    value = str(transformation["metricValue"])
    if not value.startswith("$"):
        try:
            float(value)
        except ValueError as error:
            raise PatternError(f"Invalid metric transformation: metricValue {value} is no number") from error
    if transformation.get("dimensions") and transformation.get("defaultValue") is not None:
        raise PatternError(
            "Invalid metric transformation: dimensions and default value are mutually exclusive"
        )
