"""Condition elements: every operator of IAM's, with IfExists, ForAllValues and ForAnyValue."""

from __future__ import annotations

import base64
import datetime
import ipaddress
from collections.abc import Callable
from typing import Any

from kennel.localcloud.policy.patterns import (
    Context,
    UnresolvedVariable,
    matches_arn,
    matches_with_variables,
    substitute,
)


class UnknownOperator(Exception):  # noqa: N818 - the caller fails closed on it
    """A condition uses an operator that IAM does not have."""


def holds(condition: dict[str, Any], context: Context, *, variables: bool = True) -> bool:
    """Whether a request meets a Condition element: all operators, all keys, any of a key's values.

    Raises
    ------
    UnknownOperator
        The element has an operator that IAM does not have.
    """
    return all(
        _key_holds(operator, key, _texts(wanted), context, variables)
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def _key_holds(operator: str, key: str, wanted: list[str], context: Context, variables: bool) -> bool:
    quantifier, _, name = operator.rpartition(":")
    if quantifier not in ("", "ForAllValues", "ForAnyValue"):
        raise UnknownOperator(operator)
    value = context.get(key.lower())
    if name == "Null":
        present = bool(value) if isinstance(value, list) else value is not None
        return any(present == (text.lower() == "false") for text in wanted)
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    test, negated = _test(name)
    if value is None or value == []:
        if quantifier == "ForAllValues":
            return True
        if quantifier == "ForAnyValue":
            return if_exists
        return if_exists or negated
    values = value if isinstance(value, list) else [value]

    def met(have: str) -> bool:
        found = any(_safely(test, text, have, context, variables) for text in wanted)
        return found != negated

    if quantifier == "ForAllValues":
        return all(met(have) for have in values)
    if quantifier == "ForAnyValue" or not negated:
        return any(met(have) for have in values)
    return all(met(have) for have in values)


Test = Callable[[str, str, Context, bool], bool]


def _safely(test: Test, wanted: str, have: str, context: Context, variables: bool) -> bool:
    try:
        return test(wanted, have, context, variables)
    except (UnresolvedVariable, ValueError):  # a value of the wrong type equals nothing
        return False


def _string_equals(wanted: str, have: str, context: Context, variables: bool) -> bool:
    return substitute(wanted, context, variables=variables) == have


def _string_equals_ignore_case(wanted: str, have: str, context: Context, variables: bool) -> bool:
    return substitute(wanted, context, variables=variables).lower() == have.lower()


def _string_like(wanted: str, have: str, context: Context, variables: bool) -> bool:
    return matches_with_variables(wanted, have, context, variables=variables)


def _arn_like(wanted: str, have: str, context: Context, variables: bool) -> bool:
    return matches_arn(wanted, have, context, variables=variables)


def _bool(wanted: str, have: str, context: Context, variables: bool) -> bool:
    return substitute(wanted, context, variables=variables).lower() == have.lower()


def _binary(wanted: str, have: str, context: Context, variables: bool) -> bool:
    return base64.b64decode(wanted, validate=True) == base64.b64decode(have, validate=True)


def _ip_address(wanted: str, have: str, context: Context, variables: bool) -> bool:
    network = ipaddress.ip_network(substitute(wanted, context, variables=variables), strict=False)
    return ipaddress.ip_address(have) in network


def _number(text: str) -> float:
    return float(text)


def _moment(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        moment = datetime.datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()


def _comparison(read: Callable[[str], float], compare: Callable[[float, float], bool]) -> Test:
    return lambda wanted, have, context, variables: compare(read(have), read(wanted))


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "Equals": lambda have, wanted: have == wanted,
    "LessThan": lambda have, wanted: have < wanted,
    "LessThanEquals": lambda have, wanted: have <= wanted,
    "GreaterThan": lambda have, wanted: have > wanted,
    "GreaterThanEquals": lambda have, wanted: have >= wanted,
}
_TESTS: dict[str, tuple[Test, bool]] = {
    "StringEquals": (_string_equals, False),
    "StringNotEquals": (_string_equals, True),
    "StringEqualsIgnoreCase": (_string_equals_ignore_case, False),
    "StringNotEqualsIgnoreCase": (_string_equals_ignore_case, True),
    "StringLike": (_string_like, False),
    "StringNotLike": (_string_like, True),
    "ArnEquals": (_arn_like, False),
    "ArnLike": (_arn_like, False),
    "ArnNotEquals": (_arn_like, True),
    "ArnNotLike": (_arn_like, True),
    "Bool": (_bool, False),
    "BinaryEquals": (_binary, False),
    "IpAddress": (_ip_address, False),
    "NotIpAddress": (_ip_address, True),
    "NumericNotEquals": (_comparison(_number, _COMPARISONS["Equals"]), True),
    "DateNotEquals": (_comparison(_moment, _COMPARISONS["Equals"]), True),
    **{f"Numeric{name}": (_comparison(_number, compare), False) for name, compare in _COMPARISONS.items()},
    **{f"Date{name}": (_comparison(_moment, compare), False) for name, compare in _COMPARISONS.items()},
}


def _test(name: str) -> tuple[Test, bool]:
    if name not in _TESTS:
        raise UnknownOperator(name)
    return _TESTS[name]


def _texts(wanted: Any) -> list[str]:
    items = wanted if isinstance(wanted, list) else [wanted]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items]
