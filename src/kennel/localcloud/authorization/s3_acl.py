"""What access control lists of S3 grant, as statements beside those of a bucket's policy.

Source: S3 user guide, "Access control list (ACL) overview", the mapping of permissions to actions. There is
one account: grants to accounts give nobody more than the account has; grants to groups do.
"""

from __future__ import annotations

from kennel.localcloud.moto_adapter import acls
from kennel.localcloud.policy.document import Policy, PolicyStatement
from kennel.localcloud.policy.principal import Principal

# By the permission in a list: the actions on the bucket and on its objects, or on the one object.
BUCKET_LISTS = {
    "READ": ("ListBucket", "ListBucketVersions", "ListBucketMultipartUploads"),
    "WRITE": ("PutObject", "DeleteObject"),
    "READ_ACP": ("GetBucketAcl",),
    "WRITE_ACP": ("PutBucketAcl",),
}
OBJECT_LISTS = {
    "READ": ("GetObject", "GetObjectVersion"),
    "READ_ACP": ("GetObjectAcl", "GetObjectVersionAcl"),
    "WRITE_ACP": ("PutObjectAcl", "PutObjectVersionAcl"),
}
OF_THE_BUCKET = {action for actions in BUCKET_LISTS.values() for action in actions}
OF_THE_OBJECT = {action for actions in OBJECT_LISTS.values() for action in actions}


def list_grants(principal: Principal, action: str, bucket: str, key: str, version: str | None) -> bool:
    """Return whether a list grants an action to a caller, as one of all users or of all authenticated users.

    Parameters
    ----------
    action
        S3's, without its prefix.
    key
        The object's; empty for an action on the bucket.
    """
    lists = BUCKET_LISTS if action in OF_THE_BUCKET else OBJECT_LISTS if action in OF_THE_OBJECT else None
    if lists is None or principal.unrestricted:
        return False
    known = principal.kind in ("role", "user", "federated")
    groups = (acls.ALL_USERS, acls.AUTHENTICATED_USERS) if known else (acls.ALL_USERS,)
    permissions = acls.granted(bucket, None if lists is BUCKET_LISTS else key, version, groups)
    return any(
        "FULL_CONTROL" in permissions or (name in permissions and action in names)
        for name, names in lists.items()
    )


def with_grant(policy: Policy | None, action: str) -> Policy:
    """Return a bucket's policy with a statement for what a list grants."""
    grant = PolicyStatement(
        "Allow", {"Effect": "Allow", "Principal": "*", "Action": f"s3:{action}", "Resource": "*"}, True
    )
    if policy is None:
        return Policy("access control list", (grant,))
    return Policy(policy.source, (*policy.statements, grant), policy.document)
