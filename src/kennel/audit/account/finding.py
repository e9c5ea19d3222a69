"""What the audit of an account reports, and the rules that it reports by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SEVERITIES = ("critical", "high", "medium", "low")


@dataclass(frozen=True)
class Rule:
    """One kind of finding: its severity, why it matters, and what to do."""

    severity: str
    title: str
    why: str
    remedy: str


RULES = {
    "FULL_ACCESS": Rule(
        "critical",
        "a FullAccess or administrator policy of AWS is attached",
        "whoever runs code with it has the whole service, or the whole account",
        "detach it and grant the actions that are used",
    ),
    "ADMINISTRATOR": Rule(
        "critical",
        "all actions are allowed",
        "whoever runs code with it has the whole account",
        "grant the actions that are used",
    ),
    "WHOLE_SERVICE": Rule(
        "high",
        "all actions of a service are allowed",
        "the actions that nobody needs here are those that help an attacker, and AWS adds more",
        "grant the actions that are used",
    ),
    "ESCALATION": Rule(
        "critical",
        "rights that together give more rights",
        "whoever has them can become administrator, or act in a stronger role",
        "name the single roles, policies and functions; let one principal create and another pass",
    ),
    "UNLIMITED": Rule(
        "high",
        "actions that write, share or read data are allowed on every resource",
        "it reaches what belongs to others in the account",
        "name the resources",
    ),
    "OPEN_TRUST": Rule(
        "critical",
        "principals outside the account may assume the role without a condition",
        "anybody there can use the role, and through a service of theirs others can too",
        "compare sts:ExternalId or aws:PrincipalOrgID; for web identities compare the subject",
    ),
    "NO_SOURCE": Rule(
        "medium",
        "a service may assume the role for any account",
        "another customer of the service can name this role in a resource of theirs (confused deputy)",
        "compare aws:SourceAccount in the trust policy",
    ),
    "UNUSED": Rule(
        "medium",
        "not used",
        "nobody would notice that somebody else uses it",
        "remove it",
    ),
    "UNUSED_SERVICE": Rule(
        "low",
        "services are allowed that were not used",
        "rights that nobody needs are rights for an attacker only",
        "remove their statements",
    ),
    "OLD_KEY": Rule(
        "medium",
        "an access key is old",
        "the longer a key exists, the more places have it: logs, laptops, old images",
        "give the user a new one, or none: roles have short-lived credentials",
    ),
    "NO_MFA": Rule(
        "high",
        "a user has a password and no second factor",
        "a password that is guessed or fished is enough",
        "register a device, and deny without aws:MultiFactorAuthPresent",
    ),
    "NO_BOUNDARY": Rule(
        "medium",
        "may write roles or policies, and has no permissions boundary",
        "what it creates may have more rights than itself",
        "set a boundary, and require it of what it creates (iam:PermissionsBoundary)",
    ),
    "PUBLIC_BUCKET": Rule(
        "critical",
        "a bucket is open to everyone",
        "anybody reads it, or replaces what is loaded from it",
        "block public access; presigned requests serve what is public",
    ),
    "PUBLIC_FUNCTION": Rule(
        "high",
        "a function can be invoked by everyone",
        "anybody makes it run, with your bill and its role",
        "set the URL's AuthType to AWS_IAM, and name principals in its policy",
    ),
    "ROOT_KEY": Rule(
        "critical",
        "the root user has an access key",
        "no policy limits it",
        "delete it",
    ),
    "VALIDATION": Rule(
        "medium",
        "IAM Access Analyzer objects to a policy",
        "see its message",
        "see its message",
    ),
}


@dataclass(frozen=True)
class AccountFinding:
    """One finding.

    Attributes
    ----------
    rule
        Its key in `RULES`.
    resource
        What it is about: an ARN or a name.
    detail
        What was seen.
    smallest
        The policy that would have been enough for what was used, where that is known.
    """

    rule: str
    resource: str
    detail: str
    smallest: dict[str, Any] | None = field(default=None, hash=False)

    @property
    def severity(self) -> str:
        """The rule's severity."""
        return RULES[self.rule].severity

    def as_dict(self) -> dict[str, Any]:
        """Return it as a JSON document, with its rule's words."""
        rule = RULES[self.rule]
        return {
            "rule": self.rule,
            "severity": rule.severity,
            "resource": self.resource,
            "title": rule.title,
            "detail": self.detail,
            "why": rule.why,
            "remedy": rule.remedy,
            "smallest_policy": self.smallest,
        }
