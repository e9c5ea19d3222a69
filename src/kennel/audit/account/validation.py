"""What IAM Access Analyzer says of policies, where the account has it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from kennel.audit.account.finding import AccountFinding
from kennel.audit.account.reading import Account

WHAT = "Access Analyzer's ValidatePolicy"
# Its suggestions and warnings are about style; these two are about what the policy does.
_REPORTED = ("ERROR", "SECURITY_WARNING")


def findings(account: Account, analyzer: Any, progress: Callable[[str], None]) -> Iterator[AccountFinding]:
    """Yield what it objects to in the policies of the account's own roles and users."""
    progress("Access Analyzer validates the policies")
    for identity in account.identities:
        for name, document in identity.documents.items():
            if name in identity.attached:  # one of AWS's own
                continue
            answer = account.ask(WHAT, partial(_validate, analyzer, document))
            if answer is None:
                return
            for issue in answer:
                yield AccountFinding("VALIDATION", identity.arn, f"{name}: {issue}")


def _validate(analyzer: Any, document: dict[str, Any]) -> list[str]:
    pages = analyzer.get_paginator("validate_policy").paginate(
        policyDocument=json.dumps(document), policyType="IDENTITY_POLICY"
    )
    return [
        f"{issue['issueCode']}: {issue['findingDetails']}"
        for page in pages
        for issue in page["findings"]
        if issue["findingType"] in _REPORTED
    ]
