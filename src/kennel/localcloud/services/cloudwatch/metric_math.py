"""Metric math, computed: an expression's tree over the results of queries."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass

from kennel.localcloud.services.cloudwatch.expression import (
    ExpressionError,
    Function,
    Group,
    Node,
    Number,
    Operation,
    Reference,
    Text,
)
from kennel.localcloud.services.cloudwatch.series import (
    OF_ALL,
    OF_EACH,
    OF_SERIES,
    OPERATORS,
    Series,
    Value,
    all_series,
    combine,
    linear,
    members_of,
    number,
    one_series,
    reduced,
    repeated,
)


@dataclass(frozen=True)
class Evaluation:
    """What an expression is computed from.

    Attributes
    ----------
    results
        Returns the result of a query by its id.
    metrics
        The ids of the queries for metrics: what METRICS() stands for.
    start, end
        The range that FILL fills, in seconds.
    """

    results: Callable[[str], Value]
    metrics: tuple[str, ...]
    start: float
    end: float

    def value(self, node: Node) -> Value:
        """Compute an expression.

        Raises
        ------
        ExpressionError
            It cannot be computed: a function is not known here, or has other arguments.
        """
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Reference):
            return self.results(node.id)
        if isinstance(node, Group):
            return [series for member in node.members for series in members_of(self.value(member))]
        if isinstance(node, Text):
            raise ExpressionError(f'the string "{node.value}" is no value')
        if isinstance(node, Operation):
            operands = [self.value(operand) for operand in node.operands]
            if node.operator == "negate":
                return combine(operator.mul, -1.0, operands[0])
            return combine(OPERATORS[node.operator], *operands)
        return self._call(node)

    def _call(self, call: Function) -> Value:
        name, arguments = call.name.upper(), call.arguments
        if name == "METRICS":
            return self._metrics(arguments)
        if name == "FILL":
            return self._fill(*self._exactly(call, 2))
        if name == "IF":
            return self._if(call)
        if name == "TIME_SERIES":
            return self._time_series(call)
        if name in OF_ALL:
            return reduced(OF_ALL[name], self.value(self._exactly(call, 1)[0]))
        function = OF_SERIES.get(name)
        if function is None and name not in OF_EACH:
            raise ExpressionError(f"the local cloud does not compute the function {call.name}")
        value = self.value(self._exactly(call, 1)[0])
        if function is None:
            each = OF_EACH[name]
            if isinstance(value, float):
                return number(each, value)
            return value.map(each) if isinstance(value, Series) else [series.map(each) for series in value]
        if name == "METRIC_COUNT":
            return float(len(members_of(value)))
        if isinstance(value, list):
            return all_series([function(series) for series in value], name)
        return function(one_series(name, value))

    @staticmethod
    def _exactly(call: Function, count: int) -> tuple[Node, ...]:
        if len(call.arguments) != count:
            raise ExpressionError(
                f"the function {call.name} has {count} argument(s), not {len(call.arguments)}"
            )
        return call.arguments

    def _metrics(self, arguments: tuple[Node, ...]) -> list[Series]:
        part = ""
        if arguments:
            (text,) = arguments
            if not isinstance(text, Text):
                raise ExpressionError("the argument of METRICS is a string")
            part = text.value
        return [series for each in self.metrics if part in each for series in members_of(self.results(each))]

    def _fill(self, filled: Node, filling: Node) -> Value:
        value = self.value(filled)
        if isinstance(filling, Reference) and filling.id in ("REPEAT", "LINEAR"):
            how: Value | str = filling.id
        else:
            how = self.value(filling)
        if isinstance(value, list):
            return [self._filled(series, how) for series in value]
        return self._filled(one_series("FILL", value), how)

    def _filled(self, series: Series, how: Value | str) -> Series:
        times = self._times(series.period)
        if isinstance(how, float):
            points = {at: series.points.get(at, how) for at in times}
        elif isinstance(how, Series):
            points = {**how.points, **series.points}
        elif how == "REPEAT":
            points = repeated(series, times)
        elif how == "LINEAR":
            points = linear(series, times)
        else:
            raise ExpressionError("FILL takes a number, a time series, REPEAT or LINEAR")
        return Series(dict(sorted(points.items())), series.period)

    def _times(self, period: int) -> list[float]:
        return [self.start + index * period for index in range(math.ceil((self.end - self.start) / period))]

    def _time_series(self, call: Function) -> Series:
        value = self.value(self._exactly(call, 1)[0])
        if not isinstance(value, float):
            raise ExpressionError("the argument of TIME_SERIES is a number")
        periods = [series.period for each in self.metrics for series in members_of(self.results(each))]
        period = max(periods, default=60)
        return Series(dict.fromkeys(self._times(period), value), period)

    def _if(self, call: Function) -> Value:
        if len(call.arguments) not in (2, 3):
            raise ExpressionError("the function IF has 2 or 3 arguments")
        condition, *choices = [self.value(argument) for argument in call.arguments]
        if isinstance(condition, float):
            return choices[0] if condition else choices[1] if len(choices) > 1 else Series({}, 60)
        points = one_series("IF", condition).points
        sides = [
            choice if isinstance(choice, float) else one_series("IF", choice).points for choice in choices
        ]
        chosen = {
            at: sides[0] if value else sides[1] if len(sides) > 1 else {} for at, value in points.items()
        }
        values = {at: side if isinstance(side, float) else side.get(at) for at, side in chosen.items()}
        return Series(
            {at: value for at, value in values.items() if value is not None},
            one_series("IF", condition).period,
        )
