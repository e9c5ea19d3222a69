"""Condition elements: every operator of IAM's, with IfExists, ForAllValues and ForAnyValue.

Source: IAM user guide, "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import re
from collections.abc import Callable
from typing import Any

from kennel.localcloud.policy.patterns import (
    RequestContext,
    UnresolvedVariable,
    matches_arn,
    matches_with_variables,
    substitute,
)

QUANTIFIERS = ("", "ForAllValues", "ForAnyValue")
CIDR_LENGTH = re.compile(r"[^/]+(/\d{1,3})?", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)  # "an integer or decimal value"
# The formats of dates that IAM reads (https://www.w3.org/TR/NOTE-datetime); a year alone is a number.
W3C_DATE = re.compile(
    r"(?P<date>\d{4}-\d\d(-\d\d)?)(?P<time>T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII
)


class UnknownOperator(Exception):  # noqa: N818 - the caller fails closed on it
    """A condition uses an operator that IAM does not have."""


def matches_condition(condition: dict[str, Any], context: RequestContext, *, variables: bool = True) -> bool:
    """Return whether a request meets a Condition element: all operators, all keys, any of a key's values.

    Raises
    ------
    UnknownOperator
        The element has an operator that IAM does not have.
    """
    return all(
        _matches_key(operator, key, _texts(policy_values), context, variables)
        for operator, keys in condition.items()
        for key, policy_values in keys.items()
    )


def _matches_key(
    operator: str, key: str, policy_values: list[str], context: RequestContext, variables: bool
) -> bool:
    quantifier, _, name = operator.rpartition(":")
    if quantifier not in QUANTIFIERS:
        raise UnknownOperator(operator)
    value = context.get(key.lower())
    if name == "Null":
        present = bool(value) if isinstance(value, list) else value is not None
        return any(text.lower() == ("false" if present else "true") for text in policy_values)
    if_exists = name.endswith("IfExists")
    compare, negated = _operator(name.removesuffix("IfExists"))
    if value is None or value == []:
        if quantifier == "ForAllValues":
            return True
        if quantifier == "ForAnyValue":
            return if_exists
        return if_exists or negated
    if isinstance(value, list) and not quantifier:
        return False  # "Multivalued context keys require a condition set operator."
    request_values = value if isinstance(value, list) else [value]

    def matches_value(request_value: str) -> bool:
        equal = any(
            _compare(compare, policy_value, request_value, context, variables)
            for policy_value in policy_values
        )
        return equal != negated

    if quantifier == "ForAllValues":
        return all(matches_value(request_value) for request_value in request_values)
    return any(matches_value(request_value) for request_value in request_values)


# Compares a policy's value with a request's: (policy value, request value, context, variables).
Comparison = Callable[[str, str, RequestContext, bool], bool]


def _compare(
    compare: Comparison, policy_value: str, request_value: str, context: RequestContext, variables: bool
) -> bool:
    try:
        return compare(policy_value, request_value, context, variables)
    except (UnresolvedVariable, ValueError):  # a value of the wrong type equals nothing
        return False


def _string_equals(policy_value: str, request_value: str, context: RequestContext, variables: bool) -> bool:
    return substitute(policy_value, context, variables=variables) == request_value


def _equals_ignore_case(
    policy_value: str, request_value: str, context: RequestContext, variables: bool
) -> bool:
    return substitute(policy_value, context, variables=variables).lower() == request_value.lower()


def _string_like(policy_value: str, request_value: str, context: RequestContext, variables: bool) -> bool:
    return matches_with_variables(policy_value, request_value, context, variables=variables)


def _arn_like(policy_value: str, request_value: str, context: RequestContext, variables: bool) -> bool:
    return matches_arn(policy_value, request_value, context, variables=variables)


def _binary_equals(policy_value: str, request_value: str, context: RequestContext, variables: bool) -> bool:
    return base64.b64decode(policy_value, validate=True) == base64.b64decode(request_value, validate=True)


def _ip_address(policy_value: str, request_value: str, context: RequestContext, variables: bool) -> bool:
    if not CIDR_LENGTH.fullmatch(policy_value):  # Python reads netmasks as well
        raise ValueError(policy_value)
    return ipaddress.ip_address(request_value) in ipaddress.ip_network(policy_value, strict=False)


def _number(text: str) -> float:
    """Return a number; unlike Python, IAM knows neither ``nan``, ``1_000`` nor ``1e3``."""
    if not NUMBER.fullmatch(text):
        raise ValueError(text)
    return float(text)


def _seconds(text: str) -> float:
    """Return a date, as epoch seconds or in a format of the W3C's note, in seconds since 1970."""
    if NUMBER.fullmatch(text):
        return float(text)
    date = W3C_DATE.fullmatch(text)
    if not date:
        raise ValueError(text)
    text = date["date"] + ("-01" if len(date["date"]) == len("YYYY-MM") else "") + (date["time"] or "")
    moment = datetime.datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()


def _ordered(read: Callable[[str], float], order: Callable[[float, float], bool]) -> Comparison:
    return lambda policy_value, request_value, context, variables: order(
        read(request_value), read(policy_value)
    )


# Whether a request's number stands in the order to a policy's: (request value, policy value).
_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "Equals": lambda request_value, policy_value: request_value == policy_value,
    "LessThan": lambda request_value, policy_value: request_value < policy_value,
    "LessThanEquals": lambda request_value, policy_value: request_value <= policy_value,
    "GreaterThan": lambda request_value, policy_value: request_value > policy_value,
    "GreaterThanEquals": lambda request_value, policy_value: request_value >= policy_value,
}
# Each operator's comparison, and whether the operator negates it.
_OPERATORS: dict[str, tuple[Comparison, bool]] = {
    "StringEquals": (_string_equals, False),
    "StringNotEquals": (_string_equals, True),
    "StringEqualsIgnoreCase": (_equals_ignore_case, False),
    "StringNotEqualsIgnoreCase": (_equals_ignore_case, True),
    "StringLike": (_string_like, False),
    "StringNotLike": (_string_like, True),
    "ArnEquals": (_arn_like, False),
    "ArnLike": (_arn_like, False),
    "ArnNotEquals": (_arn_like, True),
    "ArnNotLike": (_arn_like, True),
    "Bool": (_equals_ignore_case, False),
    "BinaryEquals": (_binary_equals, False),
    "IpAddress": (_ip_address, False),
    "NotIpAddress": (_ip_address, True),
    "NumericNotEquals": (_ordered(_number, _ORDERS["Equals"]), True),
    "DateNotEquals": (_ordered(_seconds, _ORDERS["Equals"]), True),
    **{f"Numeric{name}": (_ordered(_number, order), False) for name, order in _ORDERS.items()},
    **{f"Date{name}": (_ordered(_seconds, order), False) for name, order in _ORDERS.items()},
}


def is_operator(operator: str) -> bool:
    """Return whether IAM has a condition operator, e.g. ``ForAnyValue:StringLikeIfExists``."""
    quantifier, _, name = operator.rpartition(":")
    if quantifier not in QUANTIFIERS:
        return False
    return name == "Null" or name.removesuffix("IfExists") in _OPERATORS


def _operator(name: str) -> tuple[Comparison, bool]:
    if name not in _OPERATORS:
        raise UnknownOperator(name)
    return _OPERATORS[name]


def _texts(policy_values: Any) -> list[str]:
    items = policy_values if isinstance(policy_values, list) else [policy_values]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items]
