"""S3: moto's own access check ignores conditions, and its listings copy every object's content."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.moto_adapter.patching import replace


def apply() -> None:
    """Switch moto's check of bucket policies off: it ignores Condition. Correct delete markers, listings."""
    from moto.iam.access_control import PermissionResult
    from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey

    def get_permission(self: Any, action: str, resource: str) -> PermissionResult:
        return PermissionResult.PERMITTED  # the gateway has authorized it

    replace(FakeBucket, "get_permission", get_permission)
    # moto calls dispose() on the last version of a key that is removed; its delete markers lack the method.
    replace(FakeDeleteMarker, "dispose", lambda self, garbage=False: None)
    replace(FakeKey, "__deepcopy__", _as_listed)
    replace(FakeDeleteMarker, "__deepcopy__", _as_listed)


def _as_listed(self: Any, memo: Any) -> Any:
    """Copy a version without its content.

    Each ListObjectVersions copies every version in the bucket, and moto keeps a reference to every object
    created in the usual way: emptying a bucket of 26,000 objects took 24 GB.
    """
    shown = {name: value for name, value in vars(self).items() if name not in ("_value_buffer", "multipart")}
    if "_etag" in shown:
        shown |= {"_etag": self.etag.strip('"'), "disposed": True}  # the tag comes from the content
    copied = object.__new__(type(self))
    vars(copied).update(shown)
    return copied
