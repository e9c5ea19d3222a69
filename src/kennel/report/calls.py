"""Who called what: the audit log as a matrix of principals and actions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

DENIALS = 50  # as many denied calls are listed one by one

Entry = dict[str, Any]


def matrix(log: Sequence[Entry]) -> dict[str, Any] | None:
    """Return the calls by principal and action; None without any.

    The operator, who creates the stack, calls some 170 actions. Those that nobody else called, and that were
    not denied, are counted by service.

    Returns
    -------
    dict
        ``principals``, each with ``arn``, ``name``, ``calls``; ``rows``, each with ``action`` and one of
        ``{"allowed", "denied"}`` a principal; ``operator``, the services that only the operator called, each
        with ``service``, ``calls``, ``actions``; ``total``; ``denied``, entries; ``more_denied``, a count.
    """
    if not log:
        return None
    counts: dict[str, Counter[tuple[str, bool]]] = defaultdict(Counter)
    for entry in log:
        denied = entry["decision"] == "deny"
        counts[_principal(entry)][entry["action"], denied] += 1
    operators = {_principal(entry) for entry in log if entry["decision"] == "unrestricted"}
    operators -= {_principal(entry) for entry in log if entry["decision"] != "unrestricted"}
    names = _names(list(counts))
    principals = sorted(counts, key=lambda arn: (arn in operators, names[arn]))
    shown = {
        action
        for arn, actions in counts.items()
        for action, denied in actions
        if denied or arn not in operators
    }
    denials = [entry for entry in log if entry["decision"] == "deny"]
    return {
        "principals": [{"arn": arn, "name": names[arn], "calls": counts[arn].total()} for arn in principals],
        "rows": [
            {
                "action": action,
                "cells": [
                    {"allowed": counts[arn][action, False], "denied": counts[arn][action, True]}
                    for arn in principals
                ],
            }
            for action in sorted(shown)
        ],
        "operator": _by_service(counts, operators, shown),
        "total": len(log),
        "denied": denials[:DENIALS],
        "more_denied": max(0, len(denials) - DENIALS),
    }


def _by_service(
    counts: dict[str, Counter[tuple[str, bool]]], operators: set[str], shown: set[str]
) -> list[dict[str, Any]]:
    services: dict[str, Counter[str]] = defaultdict(Counter)
    for arn in operators:
        for (action, _), number in counts[arn].items():
            if action not in shown:
                service, _, operation = action.partition(":")
                services[service][operation] += number
    return [
        {"service": service, "calls": actions.total(), "actions": sorted(actions)}
        for service, actions in sorted(services.items())
    ]


def _principal(entry: Entry) -> str:
    """Return who called: for an assumed role the role, without the name of its session."""
    principal = str(entry["principal"] or "anonymous")
    return principal.rpartition("/")[0] if ":assumed-role/" in principal else principal


def _names(principals: Sequence[str]) -> dict[str, str]:
    """Return the last part of each ARN: of roles without the words that all begin or end with."""
    names = {arn: arn.rpartition("/")[2].replace(".amazonaws.com", " service") for arn in principals}
    roles = {arn: names[arn].split("-") for arn in principals if ":assumed-role/" in arn}
    for _ in ("front", "back"):
        shared = _shared(list(roles.values()))
        roles = {arn: words[shared:][::-1] for arn, words in roles.items()}
    return names | {arn: "-".join(words) or names[arn] for arn, words in roles.items()}


def _shared(names: Sequence[Sequence[str]]) -> int:
    """Return with how many words all names begin; none if there is only one name."""
    shared = 0
    while len(names) > 1 and len({tuple(words[: shared + 1]) for words in names}) == 1:
        if shared == min(map(len, names)):
            break
        shared += 1
    return shared
