"""The audit: what is read of an account, held against the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kennel.audit.account import documents, last_access, reading, validation
from kennel.audit.account.finding import SEVERITIES, AccountFinding
from kennel.audit.account.last_access import LastAccess
from kennel.audit.account.reading import Account, Clients

SHOWN = 6  # actions that a finding lists, of many


@dataclass(frozen=True)
class AccountReport:
    """The findings, the most severe first, and what could not be seen."""

    account: str
    findings: tuple[AccountFinding, ...]
    unknown: dict[str, str]
    identities: int
    resources: int

    @property
    def ok(self) -> bool:
        """Whether nothing is to be reported."""
        return not self.findings

    def as_dict(self) -> dict[str, Any]:
        """Return the report as a JSON document."""
        counts = {
            severity: sum(finding.severity == severity for finding in self.findings)
            for severity in SEVERITIES
        }
        return {
            "ok": self.ok,
            "account": self.account,
            "identities": self.identities,
            "resources": self.resources,
            "counts": counts,
            "findings": [finding.as_dict() for finding in self.findings],
            "unknown": self.unknown,
        }


def audit_account(
    clients: Clients,
    root: Path,
    *,
    unused_days: float = 90,
    key_days: float = 90,
    now: datetime | None = None,
    python: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> AccountReport:
    """Audit the account that the clients' credentials belong to, by calls that change nothing.

    Parameters
    ----------
    clients
        Returns boto3's client of a service.
    root
        The checkout.
    unused_days
        A role or user counts as unused that made no call for so many days.
    key_days
        An access key counts as old after so many days.
    python
        Interpreter of the environment with cloudsplaining; that of ``.venv-audit`` if None.

    Raises
    ------
    AuditError
        Policies cannot be analysed.
    """
    now = now or datetime.now(UTC)
    account = reading.read(clients, progress)
    access = last_access.read(account, clients("iam"), progress)
    progress("cloudsplaining reads the policies")
    analyses = documents.analyse(root, _request(account), python)
    findings = [
        *_rights(account, analyses, access),
        *_trusts(account, analyses),
        *_use(account, access, now - timedelta(days=unused_days)),
        *_users(account, now - timedelta(days=key_days)),
        *_resources(account, analyses),
        *validation.findings(account, clients("accessanalyzer"), progress),
    ]
    findings.sort(key=lambda finding: (SEVERITIES.index(finding.severity), finding.rule, finding.resource))
    return AccountReport(
        account.id,
        tuple(findings),
        account.unknown,
        len(account.identities),
        len(account.buckets) + len(account.functions),
    )


def _request(account: Account) -> dict[str, Any]:
    identities = account.identities
    resources = [*account.buckets, *account.functions]
    return {
        "account": account.id,
        "principals": {identity.arn: list(identity.documents.values()) for identity in identities},
        "trusts": {identity.arn: identity.trust for identity in identities if identity.trust},
        "attached": sorted({arn for identity in identities for arn in identity.attached}),
        "resources": {resource.name: resource.policy for resource in resources if resource.policy},
    }


def _rights(
    account: Account, analyses: dict[str, Any], access: dict[str, LastAccess]
) -> Iterator[AccountFinding]:
    broad = set(analyses["broad"])
    for identity in account.identities:
        analysis = analyses["principals"][identity.arn]
        used = access.get(identity.arn)
        smallest = last_access.smallest(identity.documents, used) if used else None
        details = {
            "FULL_ACCESS": [arn.rpartition("/")[2] for arn in identity.attached if arn in broad],
            "ADMINISTRATOR": ["*"] if analysis["everything"] else [],
            "WHOLE_SERVICE": [f"{service}:*" for service in analysis["services"]],
            "ESCALATION": [" + ".join(path) for path in analysis["escalations"]],
            "UNLIMITED": analysis["unlimited"],
        }
        for rule, seen in details.items():
            if seen:
                yield AccountFinding(rule, identity.arn, _listed(seen), smallest)
        if analysis["writes_iam"] and not identity.boundary:
            yield AccountFinding("NO_BOUNDARY", identity.arn, "it may create or change roles or policies")


def _trusts(account: Account, analyses: dict[str, Any]) -> Iterator[AccountFinding]:
    for arn, trust in analyses["trusts"].items():
        if trust["open_to"]:
            yield AccountFinding("OPEN_TRUST", arn, f"it trusts {', '.join(trust['open_to'])}")
        if trust["without_source"]:
            yield AccountFinding("NO_SOURCE", arn, "its trust policy does not compare aws:SourceAccount")


def _use(account: Account, access: dict[str, LastAccess], since: datetime) -> Iterator[AccountFinding]:
    for identity in account.identities:
        used = access.get(identity.arn)
        if used is None or identity.created > since:
            continue
        if used.last is None or used.last < since:
            when = f"last used {used.last:%Y-%m-%d}" if used.last else "never used"
            yield AccountFinding("UNUSED", identity.arn, f"{when}, made {identity.created:%Y-%m-%d}")
        elif used.unused_services:
            smallest = last_access.smallest(identity.documents, used)
            yield AccountFinding("UNUSED_SERVICE", identity.arn, _listed(used.unused_services), smallest)


def _users(account: Account, since: datetime) -> Iterator[AccountFinding]:
    for user in account.identities:
        for key in user.keys:
            if key.active and key.created < since:
                yield AccountFinding("OLD_KEY", user.arn, f"{key.id} is of {key.created:%Y-%m-%d}")
        if user.password and not user.mfa:
            yield AccountFinding("NO_MFA", user.arn, "it signs in with a password alone")
    if account.root_key:
        yield AccountFinding("ROOT_KEY", f"arn:aws:iam::{account.id}:root", "an access key exists")


def _resources(account: Account, analyses: dict[str, Any]) -> Iterator[AccountFinding]:
    public = set(analyses["public"])
    for rule, resources in (("PUBLIC_BUCKET", account.buckets), ("PUBLIC_FUNCTION", account.functions)):
        for resource in resources:
            ways = [resource.open_by] if resource.open_by else []
            if resource.name in public and not resource.closed:
                ways.append("its policy")
            if ways:
                yield AccountFinding(rule, resource.name, f"{' and '.join(ways)} lets everyone in")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
