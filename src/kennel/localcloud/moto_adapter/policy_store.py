"""The policies that moto holds: of users and roles, their boundaries, of buckets, keys, queues and more."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from moto.backends import get_backend
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.organizations.models import organizations_backends
from moto.s3.models import s3_backends

from kennel.localcloud import ACCOUNT_ID
from kennel.localcloud.policy.document import Policy, parse
from kennel.localcloud.policy.evaluate import PrincipalPolicies
from kennel.localcloud.policy.principal import Principal

# Allows nothing: stands for a policy that was deleted, or for the trust policy of a role that does not exist.
EMPTY_POLICY = Policy("a policy that does not exist", ())
# Services whose resources (queues, topics, functions) may have a policy of their own.
SERVICES_WITH_RESOURCE_POLICIES = {"sqs", "sns", "lambda"}
SERVICE_CONTROL_POLICY = "SERVICE_CONTROL_POLICY"


@dataclass(frozen=True)
class IamRole:
    """A role.

    Attributes
    ----------
    trust_document
        Its trust policy, as JSON text.
    longest_session
        ``MaxSessionDuration``, seconds.
    """

    name: str
    arn: str
    unique_id: str
    trust_document: str
    longest_session: int = 3600
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def trust_policy(self) -> Policy:
        """The policy that says who may assume the role."""
        return parse(self.trust_document, "trust policy")


@dataclass(frozen=True)
class KmsKey:
    """A KMS key, its policy together with its grants, and the aliases that name it.

    Attributes
    ----------
    state, usage
        ``KeyState`` and ``KeyUsage``.
    """

    arn: str
    policy: Policy
    aliases: tuple[str, ...] = ()
    state: str = "Enabled"
    usage: str = "ENCRYPT_DECRYPT"


def principal_policies(principal: Principal) -> PrincipalPolicies:
    """Return the policies of a principal, its boundary, its session's and its organization's policies."""
    if principal.kind == "role":
        role = _role(principal.role_arn)
        session = None
        if principal.session_policies is not None:
            session = [parse(text, "session policy") for text in principal.session_policies]
        return PrincipalPolicies(
            _policies_of(role) if role else [], _boundary(role), session, service_control_policies()
        )
    if principal.kind == "user":
        iam = _iam()
        user = iam.users.get(principal.name)
        groups = [group for group in iam.groups.values() if user in group.users]
        holders = [user, *groups] if user else []
        return PrincipalPolicies(
            [policy for holder in holders for policy in _policies_of(holder)],
            _boundary(user),
            service_control=service_control_policies(),
        )
    return PrincipalPolicies()


def service_control_policies() -> list[list[Policy]]:
    """Return the service control policies that bind the account, by level from the account to the root.

    AWS exempts an organization's management account. The local cloud has one account only, so that this one
    is bound; the operator, whom no policy limits, stands for the management account.
    """
    backend = organizations_backends[ACCOUNT_ID]["aws"]
    holders: list[Any] = [*backend.ou, *backend.accounts]
    targets = {holder.id: holder for holder in holders}
    enabled = any(
        kind["Type"] == SERVICE_CONTROL_POLICY
        for target in backend.ou
        for kind in getattr(target, "policy_types", ())
    )
    levels: list[list[Policy]] = []
    target = targets.get(ACCOUNT_ID) if enabled else None
    while target is not None:
        documents = [policy for policy in target.attached_policies if policy.type == SERVICE_CONTROL_POLICY]
        if documents:  # AWS lets no level be without one
            levels.append([parse(policy.content, "service control policy") for policy in documents])
        target = targets.get(getattr(target, "parent_id", None))
    return levels


def managed_policy(arn: str) -> str | None:
    """Return the default version of a managed policy, as JSON text; None if there is no such policy."""
    policy = _iam().managed_policies.get(arn)
    return _default_document(policy) if policy else None


def _policies_of(holder: Any) -> list[Policy]:
    inline = [parse(text, f"inline policy {name}") for name, text in holder.policies.items()]
    return inline + [_default_version(policy) for policy in holder.managed_policies.values()]


def _default_version(policy: Any) -> Policy:
    return parse(_default_document(policy), f"managed policy {policy.arn}")


def _default_document(policy: Any) -> str:
    version = next(version for version in policy.versions if version.version_id == policy.default_version_id)
    return str(version.document)


def _boundary(holder: Any) -> Policy | None:
    """Return a role's or user's permissions boundary; a boundary that was deleted allows nothing."""
    arn = getattr(holder, "permissions_boundary_arn", None)
    if not arn:
        return None
    policy = _iam().managed_policies.get(arn)
    return _default_version(policy) if policy else EMPTY_POLICY


def boundary_arn(user: str | None, role: str | None) -> str | None:
    """Return the ARN of the permissions boundary of a user, or of a role, by name; None without one."""
    iam = _iam()
    record = iam.users.get(user) if user else None
    if role:
        record = next((item for item in iam.roles.values() if item.name == role), None)
    arn = getattr(record, "permissions_boundary_arn", None)
    return str(arn) if arn else None


def bucket_policy(bucket: str) -> Policy | None:
    """Return a bucket's policy; None if the bucket does not exist or has none."""
    record = bucket_record(bucket)
    text = record.policy if record else None
    if not text:
        return None
    return parse(text.decode() if isinstance(text, bytes) else text, "bucket policy")


def bucket_record(name: str) -> Any:
    """Return moto's record of a bucket; None if it does not exist."""
    return s3_backends[ACCOUNT_ID]["aws"].buckets.get(name)


def key(region: str, identifier: str) -> KmsKey | None:
    """Return a KMS key by id, ARN or alias; None if it does not exist."""
    regions = kms_backends[ACCOUNT_ID]
    if identifier.startswith("arn:"):
        region = identifier.split(":")[3]
    if region not in regions.regions:
        return None
    backend = regions[region]
    alias = backend.get_alias_name(identifier)
    # moto 5.2.5 fails on an alias that does not exist.
    if alias.startswith("alias/") and not backend.get_key_id_from_alias(alias):
        return None
    record = backend.keys.get(backend.any_id_to_key_id(identifier) or "")
    if not record:
        return None
    policy = parse(record.policy, "key policy")
    if record.grants:
        grants = parse(json.dumps(grants_policy(record)), "grant")
        policy = Policy(policy.source, policy.statements + grants.statements)
    usage = record.key_usage or "ENCRYPT_DECRYPT"  # AWS's default, which moto leaves out
    return KmsKey(record.arn, policy, tuple(record.aliases), record.key_state, usage)


def grants_policy(record: Any) -> dict[str, Any]:
    """Return a key policy that allows what the key's grants allow.

    A grant allows its operations to its grantee, within the encryption context that it names, and its
    retirement to its retiring principal (KMS developer guide, "Grants in AWS KMS").
    """
    statements = []
    for grant in record.grants.values():
        operations = [f"kms:{operation}" for operation in grant.operations]
        allowed = {"Effect": "Allow", "Action": operations, "Resource": record.arn}
        principal = {"AWS": grant.grantee_principal}
        statements.append({**allowed, "Principal": principal, "Condition": _grant_condition(grant)})
        if grant.retiring_principal:
            retiring = {"AWS": grant.retiring_principal}
            statements.append({**allowed, "Action": "kms:RetireGrant", "Principal": retiring})
    return {"Version": "2012-10-17", "Statement": statements}


def _grant_condition(grant: Any) -> dict[str, Any]:
    constraints = grant.constraints or {}
    exact = constraints.get("EncryptionContextEquals")
    pairs = exact or constraints.get("EncryptionContextSubset") or {}
    condition: dict[str, Any] = {}
    if pairs:
        condition["StringEquals"] = {f"kms:EncryptionContext:{key}": value for key, value in pairs.items()}
    if exact:
        condition["ForAllValues:StringEquals"] = {"kms:EncryptionContextKeys": list(exact)}
    return condition


def attached_policy(service: str, region: str, arns: list[str]) -> Policy | None:
    """Return the policy attached to a queue, topic or function; None if it has none.

    Parameters
    ----------
    arns
        The resources of a call, of which the first counts.
    """
    if not arns:
        return None
    backend: Any = get_backend(service)[ACCOUNT_ID][region]
    name = arns[0].split(":")[5:]
    if service == "sqs":
        queue = backend.queues.get(name[0])
        text = queue.policy if queue else None
        return parse(text if isinstance(text, str) else json.dumps(text), "queue policy") if text else None
    if service == "sns":
        topic = backend.topics.get(arns[0])
        return parse(topic.policy, "topic policy") if topic else None
    versions = backend._lambdas._functions.get(name[1] if len(name) > 1 else "")
    statements = versions["latest"].policy.statements if versions and versions["latest"] else []
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return parse(text, "function policy") if statements else None


def role(arn: str) -> IamRole | None:
    """Return the role with an ARN; None if it does not exist."""
    record = _role(arn)
    return _described(record) if record else None


def role_named(name: str) -> IamRole | None:
    """Return the role with a name; None if it does not exist."""
    roles = _iam().roles
    record = roles.get(name) or next((role for role in roles.values() if role.name == name), None)
    return _described(record) if record else None


def role_of_instance_profile(name: str | None, arn: str | None) -> IamRole | None:
    """Return the role in the instance profile with a name or an ARN; None if there is none."""
    for profile in _iam().instance_profiles.values():
        if profile.name == name or profile.arn == arn:
            return next((_described(role) for role in profile.roles), None)
    return None


def _role(arn: str) -> Any:
    return next((role for role in _iam().roles.values() if role.arn == arn), None)


def _described(record: Any) -> IamRole:
    return IamRole(
        name=record.name,
        arn=record.arn,
        unique_id=record.id,
        trust_document=record.assume_role_policy_document,
        longest_session=int(getattr(record, "max_session_duration", None) or 3600),
        tags={tag["Key"]: tag["Value"] for tag in record.tags or []},
    )


def _iam() -> Any:
    return iam_backends[ACCOUNT_ID]["aws"]
