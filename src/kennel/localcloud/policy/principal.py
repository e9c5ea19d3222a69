"""Who makes a request: the operator, a role's session, a user, a service, a web identity, or nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

PrincipalKind = Literal["operator", "role", "user", "service", "federated", "anonymous"]


@dataclass(frozen=True)
class Principal:
    """A caller, as policies name it.

    Attributes
    ----------
    arn
        A role session's own ARN, a user's ARN, a service's host name, or the ARN of the identity provider.
    name
        The role's or the user's name, the service's host name (``sagemaker.amazonaws.com``), or the address
        of the identity provider.
    role_arn
        The ARN of a session's role; empty for other kinds.
    unique_id
        What ``aws:userid`` holds, e.g. ``AROA…:session`` for a role session.
    session_policies
        The policy documents that a role session was created with; None for a session without.
    tags
        Those of the role or user, and those of the session, which win.
    transitive_tags
        The names of the session's tags that sessions which it creates inherit.
    source_identity
        What a role session was created with, and sessions which it creates inherit.
    issued
        When a session's credentials were issued, ISO 8601; empty for long-term credentials.
    claims
        What a web identity's token says: ``aud`` and ``sub``.
    """

    kind: PrincipalKind
    arn: str
    account: str = ""
    name: str = ""
    role_arn: str = ""
    unique_id: str = ""
    session_policies: tuple[str, ...] | None = None
    tags: dict[str, str] = field(default_factory=dict)
    transitive_tags: tuple[str, ...] = ()
    source_identity: str = ""
    issued: str = ""
    claims: dict[str, str] = field(default_factory=dict)

    @property
    def unrestricted(self) -> bool:
        """Whether no identity policy limits this principal."""
        return self.kind == "operator"


ANONYMOUS = Principal("anonymous", "anonymous", unique_id="anonymous")


def service_principal(host: str) -> Principal:
    """Return an AWS service acting for itself, e.g. ``sagemaker.amazonaws.com`` assuming a role."""
    return Principal("service", host, name=host)
