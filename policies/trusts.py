"""Who may assume a role, by its trust policy. Independent of checkov."""

from __future__ import annotations

from statements import TerraformStatement

# What may limit a principal of another account, or everyone.
_LIMITS = (
    *("sts:ExternalId", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:PrincipalAccount"),
    *("aws:PrincipalArn", "aws:SourceAccount", "aws:SourceArn", "aws:SourceOrgID"),
)


def open_to(statement: TerraformStatement, account: str) -> list[str]:
    """Return the principals outside an account that a statement of a trust policy lets in without a limit.

    Parameters
    ----------
    account
        The id of the account that the role is in.
    """
    if not statement.allows:
        return []
    limited = any(statement.tests(name) for name in _LIMITS)
    outside = []
    for kind, name in statement.principals:
        if kind in ("AWS", "*"):
            if not limited and (name == "*" or account not in (name, *name.split(":"))):
                outside.append(name)
        elif kind == "Federated" and not _subject_compared(statement):
            outside.append(name)
    return outside


def _subject_compared(statement: TerraformStatement) -> bool:
    """Return whether a web identity's subject, or a SAML assertion's audience, is compared."""
    endings = (":sub", ":amr", "saml:aud", "saml:sub")
    return any(name.lower().endswith(endings) and statement.tests(name) for _, name in statement.conditions)
