"""Where iam-simulate decides otherwise than the local cloud, and AWS's sentence that says who is right.

A difference changes the local cloud's evaluation to the simulator's rule, and explains a case only if the
decision is then the simulator's.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

from iam.cases import Case

from kennel.localcloud.policy import conditions, document
from kennel.localcloud.policy.document import PrincipalMatch, first_matching
from kennel.localcloud.policy.evaluate import Decision, PrincipalPolicies
from kennel.localcloud.policy.patterns import ARN_SEGMENTS, VARIABLE, matches_arn
from kennel.localcloud.policy.principal import Principal

RESOURCE_PAGE = "IAM user guide, IAM JSON policy elements: Resource"
CONDITION_PAGE = "IAM user guide, IAM JSON policy elements: Condition operators"
VARIABLE_PAGE = "IAM user guide, IAM policy elements: Variables and tags"
BOUNDARY_PAGE = "IAM user guide, Permissions boundaries for IAM entities"


@dataclass(frozen=True)
class Difference:
    """One rule of the simulator's that is not AWS's, or of which AWS says nothing.

    Attributes
    ----------
    sentence, source
        AWS's words, and the page that they are on; the words say "undocumented" where there are none.
    """

    name: str
    sentence: str
    source: str


SHORT = Difference(
    "short ARNs in the policies of resources and organizations match only with a wildcard",
    "undocumented there; when you specify an incomplete ARN (one with fewer than the standard six fields) in "
    "an identity-based policy, AWS automatically completes the ARN by adding wildcard characters (*) to all "
    "missing fields",
    "IAM user guide, IAM identifiers",
)
CROSSING = Difference(
    "a * at the end of a segment stays within the segment",
    "If the * wildcard is the last character of a resource ARN segment, it can expand to match beyond the "
    "colon boundaries.",
    RESOURCE_PAGE,
)
CASE = Difference(
    "partition, service, region and account match in any case",
    "undocumented for resources; of the ARN operators: case-sensitive matching of the ARN",
    CONDITION_PAGE,
)
SESSION = Difference(
    "a session policy limits what a resource's policy allows the session itself, or everybody",
    "Permissions granted directly to a session are not limited by an implicit deny in an identity-based "
    "policy, a permissions boundary, or session policy.",
    BOUNDARY_PAGE,
)
EPOCH = Difference(
    "numbers are milliseconds since 1970",
    "You must specify date/time values with one of the W3C implementations of the ISO 8601 date formats or "
    "in epoch (UNIX) time.",
    CONDITION_PAGE,
)
NULL_VARIABLE = Difference(
    "an inverted operator does not match a variable without a value",
    "Inverted condition operators like StringNotEquals or StringNotLike do match against a null value.",
    VARIABLE_PAGE,
)
ADDRESS = Difference(
    "an address of the other family is not outside an address without a prefix",
    "NotIpAddress: All IP addresses except the specified IP address or range.",
    CONDITION_PAGE,
)
IF_EXISTS = Difference(
    "ForAnyValue with IfExists does not match an absent key",
    "If the key is not present, evaluate the condition element as true.",
    CONDITION_PAGE,
)
EVERY_ADDRESS = Difference(
    "0.0.0.0/0 holds no address",
    "The value must be in the standard CIDR format.",
    CONDITION_PAGE,
)
OLD_VERSION = Difference(
    "policies of version 2008-10-17 have variables",
    "In an earlier version, variables such as ${aws:username} are treated as literal strings in the policy.",
    "IAM user guide, IAM JSON policy elements: Version",
)
LITERAL = Difference(
    "${*} is five characters for operators without wildcards",
    "${*} - use where you need an * (asterisk) character.",
    VARIABLE_PAGE,
)
NOT_RESOURCE = Difference(
    "a NotResource with a short ARN or a variable without a value applies to nothing",
    "If a variable that has no value in the authorization context is used as part of the Resource or "
    "NotResource element of a policy, the resource that includes a policy variable with no value will not "
    "match any resource: so the NotResource applies. Of short ARNs there: undocumented",
    VARIABLE_PAGE,
)
NOT_PRINCIPAL = Difference(
    "an account in the NotPrincipal of a Deny spares its users and roles",
    "explicitly deny access to all principals except for the user named Bob in AWS account 444455556666 "
    "(of an example whose NotPrincipal names Bob and his account)",
    "IAM user guide, AWS JSON policy elements: NotPrincipal",
)
SHORT_CONDITION = Difference(
    "a short ARN in a condition meets no ARN operator, whether inverted or not",
    "undocumented but for an example of ArnLike: *key/volume-kms-key-12345",
    "SageMaker guide, Identity-based policy examples",
)
DIFFERENCES = (
    SHORT,
    CROSSING,
    CASE,
    SESSION,
    EPOCH,
    NULL_VARIABLE,
    ADDRESS,
    IF_EXISTS,
    EVERY_ADDRESS,
    OLD_VERSION,
    LITERAL,
    NOT_RESOURCE,
    NOT_PRINCIPAL,
    SHORT_CONDITION,
)


def simulated_case(case: Case, active: Iterable[Difference]) -> Case:
    """Return a case with its policies as the simulator reads them."""
    if SHORT in active:
        levels = [
            [_without_short(policy, lambda pattern: not pattern.endswith("*")) for policy in level]
            for level in case.organization
        ]
        resource = _without_short(case.resource_policy, lambda pattern: "*" not in pattern)
        case = replace(case, resource_policy=resource, organization=levels)
    if OLD_VERSION in active:

        def newer(policy: Any) -> Any:
            return policy and {**policy, "Version": "2012-10-17"}

        case = replace(
            case,
            identity=[newer(policy) for policy in case.identity],
            boundary=newer(case.boundary),
            session=newer(case.session),
            resource_policy=newer(case.resource_policy),
            organization=[[newer(policy) for policy in level] for level in case.organization],
        )
    return case


def _without_short(policy: Any, ignored: Callable[[str], bool]) -> Any:
    if policy is None:
        return None

    def pattern(text: str) -> str:
        short = text.startswith("arn:") and len(text.split(":")) < ARN_SEGMENTS
        return "arn:aws:none:none:none:none" if short and ignored(text) else text

    statements = []
    for statement in policy["Statement"]:
        changed = dict(statement)
        for element in ("Resource", "NotResource"):
            if element in statement:
                values = statement[element]
                texts = values if isinstance(values, list) else [values]
                changed[element] = [pattern(text) for text in texts]
        statements.append(changed)
    return {**policy, "Statement": statements}


def simulated_decision(
    decision: Decision, request: Any, policies: PrincipalPolicies, active: Iterable[Difference]
) -> str:
    """Return a decision after the simulator's order of session policies."""
    limited = SESSION in active and decision.allowed and policies.session is not None
    if limited and not first_matching(policies.session or (), "Allow", request):
        return "implicitDeny"
    return decision.result


@contextmanager
def simulated_rules(active: Iterable[Difference]) -> Iterator[None]:
    """Evaluate by the simulator's rules of these differences, while the context lasts."""
    chosen = set(active)
    with ExitStack() as stack:

        def change(module: Any, name: str, value: Any) -> None:
            stack.enter_context(mock.patch.object(module, name, value))

        if chosen & {CROSSING, CASE}:
            change(document, "matches_resource", _resource_matcher(chosen, document.matches_resource))
        if EPOCH in chosen:
            operators = {
                **conditions._OPERATORS,
                **{
                    f"Date{name}": (conditions._ordered(_milliseconds, order), False)
                    for name, order in conditions._ORDERS.items()
                },
                "DateNotEquals": (conditions._ordered(_milliseconds, conditions._ORDERS["Equals"]), True),
            }
            change(conditions, "_OPERATORS", operators)
        if LITERAL in chosen:
            change(conditions, "substitute", _substitute_without_characters(conditions.substitute))
        if NOT_RESOURCE in chosen:
            matcher = _statement_matcher(document.PolicyStatement._matches_resource)
            change(document.PolicyStatement, "_matches_resource", matcher)
        if NOT_PRINCIPAL in chosen:
            change(document.PolicyStatement, "match_principal", _match_principal)
        if chosen & {NULL_VARIABLE, ADDRESS, IF_EXISTS, EVERY_ADDRESS, SHORT_CONDITION}:
            change(conditions, "_matches_key", _key_matcher(chosen, conditions._matches_key))
        yield


def _milliseconds(text: str) -> float:
    seconds = conditions._seconds(text)
    return seconds / 1000 if conditions.NUMBER.fullmatch(text) else seconds


def _resource_matcher(active: set[Difference], original: Callable[..., bool]) -> Callable[..., bool]:
    def matches(pattern: str, arn: str, context: Any, *, variables: bool = True) -> bool:
        if set(pattern) == {"*"} or not pattern.startswith("arn:"):
            return original(pattern, arn, context, variables=variables)
        segments = _split(pattern)
        segments += ["*"] * (ARN_SEGMENTS - len(segments))
        values = arn.split(":", ARN_SEGMENTS - 1)
        if CASE in active:
            segments = [*(text.lower() for text in segments[:-1]), segments[-1]]
            values = [*(text.lower() for text in values[:-1]), values[-1]]
        match = matches_arn if CROSSING in active else original
        return match(":".join(segments), ":".join(values), context, variables=variables)

    return matches


def _statement_matcher(original: Callable[..., bool]) -> Callable[..., bool]:
    def matches(statement: document.PolicyStatement, request: Any) -> bool:
        values = statement.elements.get("NotResource", [])
        for text in values if isinstance(values, list) else [values]:
            if text != "*" and len(_split(text)) < ARN_SEGMENTS:
                return False
            if statement.variables and _unresolved(text, request.context):
                return False
        return original(statement, request)

    return matches


def _match_principal(statement: document.PolicyStatement, principal: Principal) -> PrincipalMatch | None:
    if "NotPrincipal" in statement.elements:
        spared = document._match_principal(statement.elements["NotPrincipal"], principal)
        return None if spared else "everybody"
    return document._match_principal(statement.elements.get("Principal"), principal)


def _split(pattern: str) -> list[str]:
    """Split a pattern into its segments; colons of variables do not count."""
    names = [variable[0] for variable in VARIABLE.finditer(pattern)]
    segments = VARIABLE.sub("\0", pattern).split(":", ARN_SEGMENTS - 1)
    return ["".join(names.pop(0) if mark == "\0" else mark for mark in segment) for segment in segments]


def _key_matcher(active: set[Difference], original: Callable[..., bool]) -> Callable[..., bool]:
    def matches(operator: str, key: str, values: list[str], context: Any, variables: bool) -> bool:
        quantifier, _, name = operator.rpartition(":")
        base, value = name.removesuffix("IfExists"), context.get(key.lower())
        if IF_EXISTS in active and quantifier == "ForAnyValue" and value is None and name != "Null":
            return False
        if EVERY_ADDRESS in active and base in ("IpAddress", "NotIpAddress"):
            values = ["255.255.255.255/32" if text == "0.0.0.0/0" else text for text in values]
        if SHORT_CONDITION in active and base.startswith("Arn") and value is not None:
            complete = [text for text in values if len(_split(text)) == ARN_SEGMENTS]
            if not complete or (complete != values and conditions._operator(base)[1]):
                return False
            values = complete
        if value is not None and base != "Null" and conditions._operator(base)[1]:
            if NULL_VARIABLE in active and variables and any(_unresolved(text, context) for text in values):
                return False
            if (
                ADDRESS in active
                and base == "NotIpAddress"
                and any(_other_family(text, value) for text in values)
            ):
                return False
        return original(operator, key, values, context, variables)

    return matches


def _substitute_without_characters(original: Callable[..., str]) -> Callable[..., str]:
    def substitute(text: str, context: Any, *, variables: bool) -> str:
        return text if text == "${*}" else original(text, context, variables=variables)

    return substitute


def _unresolved(text: str, context: Any) -> bool:
    try:
        conditions.substitute(text, context, variables=True)
    except conditions.UnresolvedVariable:
        return True
    return False


def _other_family(text: str, value: str) -> bool:
    return "/" not in text and ipaddress.ip_address(text).version != ipaddress.ip_address(value).version
