"""The credentials that moto holds: users' access keys, roles' sessions, and the identity providers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from moto.core.utils import utcnow
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from kennel.localcloud import ACCOUNT_ID, REGION
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.policy.principal import Principal


@dataclass(frozen=True)
class SessionCredentials:
    """Temporary credentials of a role session, and whose they are.

    Attributes
    ----------
    expiration
        When they become invalid; UTC without a time zone.
    """

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: datetime
    principal: Principal

    @property
    def expired(self) -> bool:
        """Whether they are no longer valid."""
        return bool(self.expiration < utcnow())


@dataclass(frozen=True)
class SessionOptions:
    """What a role session was created with; `Principal` says what each means.

    Attributes
    ----------
    policies
        Documents, inline and of managed policies; None for a session without.
    """

    policies: tuple[str, ...] | None = None
    tags: dict[str, str] = field(default_factory=dict)
    transitive_tags: tuple[str, ...] = ()
    source_identity: str = ""
    issued: str = ""


@dataclass(frozen=True)
class UserKey:
    """A user's active access key, and whose it is."""

    secret_access_key: str
    principal: Principal


@dataclass(frozen=True)
class IdentityProvider:
    """An OpenID Connect provider, and the audiences that its tokens may be for."""

    arn: str
    audiences: tuple[str, ...]


def identity_provider(issuer: str) -> IdentityProvider | None:
    """Return the provider that is registered for an issuer's address; None if there is none."""
    address = issuer.removeprefix("https://")
    providers = iam_backends[ACCOUNT_ID]["aws"].open_id_providers.values()
    return next(
        (
            IdentityProvider(provider.arn, tuple(provider.client_id_list))
            for provider in providers
            if provider.url == address
        ),
        None,
    )


def session(access_key_id: str) -> SessionCredentials | None:
    """Return the role session that an access key belongs to; None if there is none."""
    record = next(
        (record for record in reversed(_sts().assumed_roles) if record.access_key_id == access_key_id), None
    )
    return _credentials(record) if record else None


def _credentials(record: Any) -> SessionCredentials:
    role = policy_store.role(record.role_arn)
    # A session of a state that an earlier version kept has moto's own record of its policy only.
    kept = SessionOptions((record.policy,) if record.policy else None)
    options: SessionOptions = getattr(record, "kennel_options", kept)
    principal = Principal(
        "role",
        record.arn,
        account=ACCOUNT_ID,
        name=record.role_arn.split("/")[-1],
        role_arn=record.role_arn,
        unique_id=f"{role.unique_id if role else 'AROADELETED'}:{record.session_name}",
        session_policies=options.policies,
        tags={**(role.tags if role else {}), **options.tags},
        transitive_tags=options.transitive_tags,
        source_identity=options.source_identity,
        issued=options.issued,
    )
    return SessionCredentials(
        record.access_key_id, record.secret_access_key, record.session_token, record.expiration, principal
    )


def user_key(access_key_id: str) -> UserKey | None:
    """Return a user's access key; None if it does not exist or is inactive."""
    iam = iam_backends[ACCOUNT_ID]["aws"]
    key = iam.access_keys.get(access_key_id)
    user = iam.users.get(key.user_name) if key and key.user_name else None
    if user is None or key is None or key.status != "Active":
        return None
    tags = iam.tagger.list_tags_for_resource(user.arn).get("Tags", [])
    principal = Principal(
        "user",
        user.arn,
        account=ACCOUNT_ID,
        name=user.name,
        unique_id=user.id,
        tags={tag["Key"]: tag["Value"] for tag in tags},
    )
    return UserKey(key.secret_access_key, principal)


def create_session(
    role_arn: str, session_name: str, seconds: int, options: SessionOptions | None = None
) -> SessionCredentials:
    """Create a session of a role, without asking whether anybody may assume it.

    Parameters
    ----------
    seconds
        How long the credentials are valid.
    options
        What limits and marks the session; None for nothing.
    """
    record = _sts().assume_role(
        region_name=REGION,
        role_session_name=session_name,
        role_arn=role_arn,
        policy="",
        duration=seconds,
        external_id="",
    )
    issued = utcnow().isoformat(timespec="seconds") + "Z"
    record.kennel_options = replace(options or SessionOptions(), issued=issued)
    return _credentials(record)


def _sts() -> Any:
    return sts_backends[ACCOUNT_ID]["aws"]
