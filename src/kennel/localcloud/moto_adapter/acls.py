"""The access control lists of moto's buckets and objects, and what switches them off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.s3 import models, notifications
from moto.s3.models import OWNER as OWNER_ID

from kennel.localcloud import ACCOUNT_ID
from kennel.localcloud.moto_adapter import policy_store, public_access

OWNER = {"ID": OWNER_ID, "DisplayName": "webfile"}  # as moto writes it elsewhere
GROUPS = "http://acs.amazonaws.com/groups/"
ALL_USERS, AUTHENTICATED_USERS = f"{GROUPS}global/AllUsers", f"{GROUPS}global/AuthenticatedUsers"
LOG_DELIVERY = f"{GROUPS}s3/LogDelivery"
ENFORCED = "BucketOwnerEnforced"  # the ownership in which a bucket has no access control lists


def bucket_exists(bucket: str) -> bool:
    """Return whether there is a bucket of this name."""
    return policy_store.bucket_record(bucket) is not None


def ignores_lists(bucket: str) -> bool:
    """Return whether a bucket's ownership makes access control lists impossible."""
    return getattr(policy_store.bucket_record(bucket), "ownership_rule", None) == ENFORCED


def granted(bucket: str, key: str | None, version: str | None, groups: tuple[str, ...]) -> set[str]:
    """Return the permissions that the list of a bucket, or of an object in it, grants to groups.

    Parameters
    ----------
    key
        The object's; None asks for the bucket's list.
    version
        The object's version; None means the latest.

    Returns
    -------
    ``READ``, ``WRITE``, ``READ_ACP``, ``WRITE_ACP`` or ``FULL_CONTROL``; none where lists count for nothing.
    Of an object that does not exist those of its bucket, whose readers learn that it does not.
    """
    record = policy_store.bucket_record(bucket)
    if record is None or ignores_lists(bucket) or public_access.blocks(bucket, "ignore_public_acls"):
        return set()
    if key is not None:
        versions = record.keys.getlist(key) or []
        named = (item for item in reversed(versions) if not version or str(item.version_id) == version)
        record = next(named, record)
    return {permission for uri, permission in _grants(getattr(record, "acl", None)) if uri in groups}


def grants(record: Any) -> list[dict[str, Any]]:
    """Return the grants in the list of moto's bucket or object, as S3 shows them."""
    shown = []
    for grant in getattr(record.acl, "grants", ()):
        for grantee in grant.grantees:
            named = {"Type": "Group", "URI": grantee.uri} if grantee.uri else {"Type": "CanonicalUser"}
            if not grantee.uri:
                named |= OWNER if grantee.id == OWNER_ID else {"ID": grantee.id}
            shown += [{"Grantee": named, "Permission": permission} for permission in grant.permissions]
    return shown


def set_canned(record: Any, name: str) -> None:
    """Give an object one of the canned lists."""
    record.set_acl(models.get_canned_acl(name))


def set_grants(record: Any, given: list[tuple[str, str, str]]) -> None:
    """Give an object a list of grants: each grantee's kind, ``id`` or ``uri``, who it is, what it may."""
    shown = [
        models.FakeGrant(
            [models.FakeGrantee(uri=value) if kind == "uri" else models.FakeGrantee(grantee_id=value)],
            [permission],
        )
        for kind, value, permission in given
    ]
    record.set_acl(models.FakeAcl(shown))


def notify(bucket: str, record: Any) -> None:
    """Let a bucket notify that the list of an object was set."""
    event = notifications.S3NotificationEvent.OBJECT_ACL_UPDATE_EVENT
    notifications.send_event(ACCOUNT_ID, event, policy_store.bucket_record(bucket), record)


def grants_to_others(bucket: str) -> bool:
    """Return whether the list of a bucket grants anything to others than its owner."""
    record = policy_store.bucket_record(bucket)
    return record is not None and any(grant["Grantee"].get("ID") != OWNER_ID for grant in grants(record))


def _grants(acl: Any) -> Iterator[tuple[str, str]]:
    for grant in getattr(acl, "grants", ()):
        for grantee in grant.grantees:
            if grantee.uri:
                yield from ((grantee.uri, permission) for permission in grant.permissions)
