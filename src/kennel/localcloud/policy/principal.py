"""Who makes a request: the operator, a role's session, an IAM user, a service of AWS, or nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["operator", "role", "user", "service", "anonymous"]


@dataclass(frozen=True)
class Principal:
    """A caller, as policies name it.

    ``arn`` is the session's for a role session; ``name`` is the role's or the user's name, or the service's
    host name (``sagemaker.amazonaws.com``); ``unique_id`` is what ``aws:userid`` holds.
    """

    kind: Kind
    arn: str
    account: str = ""
    name: str = ""
    role_arn: str = ""
    unique_id: str = ""
    session_policy: str | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def unrestricted(self) -> bool:
        """Whether no identity policy binds this principal."""
        return self.kind == "operator"


ANONYMOUS = Principal("anonymous", "anonymous", unique_id="anonymous")


def service_principal(host: str) -> Principal:
    """Return an AWS service acting for itself, e.g. ``sagemaker.amazonaws.com`` assuming a role."""
    return Principal("service", host, name=host)
