"""Decides recorded calls again, under other policies: for audits, which are no part of the local cloud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kennel.localcloud.policy.document import AccessRequest, parse
from kennel.localcloud.policy.evaluate import PrincipalPolicies, evaluate


def allows(documents: Sequence[str], action: str, resource: str, context: Mapping[str, Any]) -> bool:
    """Return whether identity policies allow an action on a resource.

    For a call that the audit log says was allowed by an identity policy, this is the whole decision:
    boundary, session and resource policies had let it pass, and identity policies come last (`evaluate`).

    Parameters
    ----------
    documents
        The policies as JSON texts.
    context
        The condition keys of the audit log's entry.
    """
    policies = PrincipalPolicies([parse(text) for text in documents])
    return evaluate(AccessRequest(action, resource, context), policies).allowed
