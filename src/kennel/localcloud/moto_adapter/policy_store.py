"""The policies that moto holds: a principal's own, its boundary, a bucket's, a key's, a role's trust."""

from __future__ import annotations

import json
from typing import Any

from kennel.localcloud import ACCOUNT_ID
from kennel.localcloud.policy.policy import Policy, parse
from kennel.localcloud.policy.principal import Principal

NOTHING = Policy("a policy that does not exist", ())


def identity_policies(principal: Principal) -> list[Policy]:
    """The inline and attached policies of a role or user, and of a user's groups."""
    iam = _iam()
    if principal.kind == "role":
        holder = role(principal.role_arn)
        return _own(holder) if holder else []
    if principal.kind == "user":
        user = iam.users.get(principal.name)
        groups = [group for group in iam.groups.values() if user in group.users]
        return [policy for holder in (user, *groups) if holder for policy in _own(holder)]
    return []


def _own(holder: Any) -> list[Policy]:
    inline = [parse(text, f"inline policy {name}") for name, text in holder.policies.items()]
    return inline + [_default_version(policy) for policy in holder.managed_policies.values()]


def _default_version(policy: Any) -> Policy:
    version = next(v for v in policy.versions if v.version_id == policy.default_version_id)
    return parse(version.document, f"managed policy {policy.arn}")


def boundary(principal: Principal) -> Policy | None:
    """A role's permissions boundary; one that was deleted allows nothing."""
    if principal.kind != "role":
        return None
    arn = getattr(role(principal.role_arn), "permissions_boundary_arn", None)
    if not arn:
        return None
    policy = _iam().managed_policies.get(arn)
    return _default_version(policy) if policy else NOTHING


def session_policy(principal: Principal) -> Policy | None:
    return parse(principal.session_policy, "session policy") if principal.session_policy else None


def bucket(name: str) -> Any:
    """moto's bucket, or None."""
    from moto.s3.models import s3_backends

    return s3_backends[ACCOUNT_ID]["aws"].buckets.get(name)


def bucket_policy(name: str) -> Policy | None:
    found = bucket(name)
    text = found.policy if found else None
    if not text:
        return None
    return parse(text.decode() if isinstance(text, bytes) else text, "bucket policy")


def key(region: str, identifier: str) -> Any:
    """moto's KMS key by id, ARN or alias; None if there is none."""
    from moto.kms.models import kms_backends

    regions = kms_backends[ACCOUNT_ID]
    if identifier.startswith("arn:"):
        region = identifier.split(":")[3]
    if region not in regions.regions:
        return None
    backend = regions[region]
    return backend.keys.get(backend.any_id_to_key_id(identifier) or "")


def key_policy(found: Any) -> Policy:
    return parse(found.policy, "key policy")


ATTACHED = {"sqs", "sns", "lambda"}


def attached_policy(service: str, region: str, arns: list[str]) -> Policy | None:
    """The policy attached to a queue, topic or function; None if it has none."""
    from moto.backends import get_backend

    if not arns:
        return None
    backend: Any = get_backend(service)[ACCOUNT_ID][region]  # type: ignore[call-overload] # by name, not literal
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


def trust_policy(found: Any) -> Policy:
    return parse(found.assume_role_policy_document, "trust policy")


def role(arn: str) -> Any:
    """moto's role with an ARN, or None."""
    return next((found for found in _iam().roles.values() if found.arn == arn), None)


def role_named(name: str) -> Any:
    """Return moto's role of a name, or None."""
    return _iam().roles.get(name) or next((role for role in _iam().roles.values() if role.name == name), None)


def instance_profiles() -> list[Any]:
    """Return moto's instance profiles."""
    return list(_iam().instance_profiles.values())


def _iam() -> Any:
    from moto.iam.models import iam_backends

    return iam_backends[ACCOUNT_ID]["aws"]
